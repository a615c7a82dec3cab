//! Limits that processes share through Redis, and what holds while it is away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;

use harness::{Api, Person, Reply, Request, Setup, Store, World, binary, eventually};
use testkit::redis::{LineTrouble, RedisServer, TroubledLine};
use testkit::server::{Launch, Server};

const REPLICAS: usize = 8;
const BURST: usize = 20;

/// Twenty requests of an address, and one more a minute.
const FEW: [(&str, &str); 2] =
    [("OTP_LOGIN__RATE_LIMIT__IP_PER_MINUTE", "1"), ("OTP_LOGIN__RATE_LIMIT__IP_BURST", "20")];

/// More than a busy machine needs.
const PATIENT: (&str, &str) = ("OTP_LOGIN__REDIS__TIMEOUT_MS", "10000");

/// With a database of its own, so that nothing else is shared.
fn replica(redis: &str, settings: &[(&str, &str)]) -> Server {
    let launch =
        Launch::of(binary()).env("OTP_LOGIN__PASSWORD__BCRYPT_COST", "4").env("OTP_LOGIN__REDIS__URL", redis);
    let settings = FEW.iter().chain(settings);
    settings.fold(launch, |launch, (name, value)| launch.env(*name, *value)).start()
}

fn ask(server: &Server) -> Reply {
    Request::get(format!("{}/problems", server.url())).send().unwrap()
}

fn passed(answers: &[Reply]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

fn header<'a>(answer: &'a Reply, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn is_ready(server: &Server) -> bool {
    Request::get(format!("{}/health/ready", server.url())).send().unwrap().status == 200
}

#[test]
fn sm_09_eight_replicas_share_the_limit_of_an_address() {
    let redis = RedisServer::start();
    let replicas: Vec<Server> = (0..REPLICAS).map(|_| replica(&redis.url(), &[PATIENT])).collect();
    let answers: Vec<Reply> = std::thread::scope(|scope| {
        let asking: Vec<_> = replicas
            .iter()
            .map(|replica| scope.spawn(move || (0..BURST).map(|_| ask(replica)).collect::<Vec<_>>()))
            .collect();
        asking.into_iter().flat_map(|asking| asking.join().unwrap()).collect()
    });
    assert_eq!(answers.len(), REPLICAS * BURST);
    let passed = passed(&answers);
    // One more for each whole minute that this took on a slow machine.
    assert!((BURST..BURST + 3).contains(&passed), "{passed}");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.status, 429, "{refused:?}");
        let wait: u64 = header(refused, "retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert!(header(refused, "ratelimit").unwrap().starts_with("\"address\";r=0;t="));
    }
    assert!(is_ready(&replicas[0]));
}

#[test]
fn sm_09_without_redis_a_process_counts_by_itself() {
    let mut redis = RedisServer::start();
    let server = replica(&redis.url(), &[]);
    assert_eq!(ask(&server).status, 200);
    redis.kill();
    let answers: Vec<Reply> = (0..BURST * 2).map(|_| ask(&server)).collect();
    assert!((BURST..BURST + 3).contains(&passed(&answers)), "{}", passed(&answers));
    assert!(is_ready(&server), "requests are served without it");
    assert!(!Api::at(server.url()).is_ready("redis"), "and yet it is told");
}

#[test]
fn sm_09_a_closed_limit_answers_nothing_but_health_without_redis() {
    let redis = RedisServer::start();
    let line = TroubledLine::to(redis.address());
    let settings = [("OTP_LOGIN__RATE_LIMIT__IP_OUTAGE", "closed"), ("OTP_LOGIN__REDIS__TIMEOUT_MS", "2000")];
    let server = replica(&line.url(), &settings);
    assert_eq!(ask(&server).status, 200);
    for trouble in [LineTrouble::Reset, LineTrouble::Garbage, LineTrouble::Hang] {
        line.trouble(Some(trouble));
        let refused = ask(&server);
        assert_eq!(refused.status, 503, "{trouble:?}: {refused:?}");
        assert!(refused.text.contains("overloaded") && header(&refused, "retry-after").is_some());
        assert!(!is_ready(&server));
        assert_eq!(Request::get(format!("{}/health", server.url())).send().unwrap().status, 200);
        line.trouble(None);
        eventually("it counts again", || ask(&server).status == 200);
        eventually("it is ready again", || is_ready(&server));
    }
}

#[test]
fn sm_09_an_open_limit_refuses_nobody_without_redis() {
    let mut redis = RedisServer::start();
    let server = replica(&redis.url(), &[("OTP_LOGIN__RATE_LIMIT__IP_OUTAGE", "open")]);
    redis.kill();
    let answers: Vec<Reply> = (0..BURST * 2).map(|_| ask(&server)).collect();
    assert_eq!(passed(&answers), BURST * 2);
    redis.restart();
    eventually("it counts again", || header(&ask(&server), "ratelimit").is_some());
    let answers: Vec<Reply> = (0..BURST * 2).map(|_| ask(&server)).collect();
    assert!(passed(&answers) <= BURST, "it counts again");
}

#[test]
fn hx_04_all_clients_together_have_a_limit_of_their_own() {
    let settings = [
        ("OTP_LOGIN__RATE_LIMIT__ALL_PER_MINUTE", "1"),
        ("OTP_LOGIN__RATE_LIMIT__ALL_BURST", "7"),
        ("OTP_LOGIN__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        PATIENT,
    ];
    let redis = RedisServer::start();
    let pair = [replica(&redis.url(), &settings), replica(&redis.url(), &settings)];
    let from = |place: usize| {
        let request = Request::get(format!("{}/problems", pair[place % 2].url()));
        request.header("x-forwarded-for", &format!("198.51.100.{place}")).send().unwrap()
    };
    let answers: Vec<Reply> = (0..20).map(from).collect();
    assert!((7..9).contains(&passed(&answers)), "{}", passed(&answers));
}

#[test]
fn lg_01_neither_addresses_nor_the_password_of_redis_are_kept_in_the_clear() {
    let redis = RedisServer::start_guarded("only-for-tests-right");
    let url = |password: &str| format!("redis://:{password}@{}", redis.address());
    let server = replica(&url("only-for-tests-right"), &[PATIENT]);
    assert!(header(&ask(&server), "ratelimit").is_some());
    let keys = redis.command_as("only-for-tests-right", "KEYS *");
    assert!(keys.contains("{otp-login}:requests:address:") && !keys.contains("127.0.0.1"), "{keys}");
    let locked_out = replica(&url("only-for-tests-wrong"), &[PATIENT]);
    assert_eq!(ask(&locked_out).status, 200, "it counts by itself");
    for server in [server, locked_out] {
        assert!(!server.output().contains("only-for-tests"), "{}", server.output());
    }
}

fn world_with(settings: &[(&str, &str)]) -> World {
    settings.iter().fold(Setup::on(Store::Sqlite), |setup, (name, value)| setup.with(name, value)).start()
}

#[test]
fn en_06_requests_that_name_an_account_are_limited_alike_with_and_without_one() {
    let world = world_with(&[
        ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_PER_MINUTE", "1"),
        ("OTP_LOGIN__RATE_LIMIT__ACCOUNT_BURST", "3"),
    ]);
    world.sign_up(Person::ANN);
    let wrong = |person: Person| Person { password: "not the password of it", ..person };
    let ask = |person| world.api().log_in(wrong(person)).outcome();
    let outcomes = |person| [(); 5].map(|()| ask(person));
    let of_ann = outcomes(Person::ANN);
    assert_eq!(of_ann, outcomes(Person::BOB));
    assert_eq!(of_ann[2], "401 invalid-credentials");
    assert_eq!(of_ann[3], "429 rate-limited");
    assert_eq!(world.api().register(Person::ANN).status, 201, "each act counts apart");
}

#[test]
fn hx_04_requests_for_codes_to_a_number_a_prefix_and_a_country_have_limits() {
    let number = |last: u32| format!("+4670174060{last}");
    for (limit, is_of_one_number) in [("PHONE", true), ("PREFIX", false), ("COUNTRY", false)] {
        let (per_minute, burst) = (
            format!("OTP_LOGIN__RATE_LIMIT__{limit}_PER_MINUTE"),
            format!("OTP_LOGIN__RATE_LIMIT__{limit}_BURST"),
        );
        let world = world_with(&[(&per_minute, "1"), (&burst, "3")]);
        let statuses = [0, 1, 2, 3, 4].map(|n| {
            let (phone, email) =
                (number(if is_of_one_number { 5 } else { n }), format!("person{n}@example.com"));
            let person = Person { phone: phone.leak(), email: email.leak(), ..Person::ANN };
            world.api().register(person).status
        });
        assert_eq!(statuses[3..], [429, 429], "{limit}: {statuses:?}");
        assert!(statuses[..3].iter().all(|status| *status == 201), "{limit}: {statuses:?}");
    }
}
