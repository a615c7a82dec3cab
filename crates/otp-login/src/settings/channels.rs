//! What codes travel by.

use domain::{Channel, ChannelPolicy, ProviderRoutes};

use super::{
    reader::Reader,
    routing::{ProviderName, Routing},
};

const ENABLED: &str = "channels.enabled";

/// The channels that are on, and in which countries not all of them are: because a setting says so,
/// or because no provider of the country has them.
pub(super) fn read(reader: &mut Reader, routing: &Routing) -> ChannelPolicy {
    let mut enabled = reader.list(ENABLED, parse);
    if !enabled.contains(&Channel::Sms) && !enabled.contains(&Channel::Whatsapp) {
        if enabled.is_empty() && reader.was_set(ENABLED) {
            // What it names instead was told.
            enabled.push(Channel::Sms);
        } else {
            reader.problem(ENABLED, "add sms or whatsapp: calls are made for those only who ask");
        }
    }
    let missing = enabled.iter().find(|channel| !has(routing.routes.of(None), **channel));
    if let Some(channel) = missing {
        let channel = channel.as_str();
        reader.problem(
            ENABLED,
            format!("no provider of OTP_LOGIN__PROVIDER__ORDER has {channel}; take it out"),
        );
    }
    let policy = of_routes(&routing.routes, ChannelPolicy::new(&enabled), &enabled);
    of_settings(reader, routing, policy)
}

fn parse(text: &str) -> Result<Channel, &'static str> {
    Channel::parse(&text.to_ascii_lowercase())
        .map_err(|_| "write channels of sms, voice, whatsapp, flashcall")
}

fn has(route: &[ProviderName], channel: Channel) -> bool {
    route.iter().any(|name| name.channels().contains(&channel))
}

/// In a country with a route of its own only what somebody on that route has.
fn of_routes(
    routes: &ProviderRoutes<ProviderName>,
    policy: ChannelPolicy,
    enabled: &[Channel],
) -> ChannelPolicy {
    routes.countries().fold(policy, |policy, (country, route)| {
        let there: Vec<Channel> = enabled.iter().copied().filter(|channel| has(route, *channel)).collect();
        policy.with_country(country, &there)
    })
}

fn of_settings(reader: &mut Reader, routing: &Routing, mut policy: ChannelPolicy) -> ChannelPolicy {
    for (key, country, channels) in reader.by_country("channels", "countries.", parse) {
        let usable =
            |channel: &Channel| policy.has(*channel) && has(routing.routes.of(Some(country)), *channel);
        match channels.iter().find(|channel| !usable(channel)) {
            Some(channel) => {
                let channel = channel.as_str();
                let what = format!("{channel} is not in {ENABLED}, or no provider of the country has it");
                reader.problem(&key, what);
            }
            None if channels.is_empty() => reader.problem(&key, "name a channel, or deny the country"),
            None => policy = policy.with_country(country, &channels),
        }
    }
    policy
}
