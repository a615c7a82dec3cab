//! A user's own remembered devices: seeing and forgetting them.

use std::sync::Arc;

use domain::{Client, DeviceEntry, DeviceId, EventName};
use ports::{Clock, DeviceStore, SecretGenerator};

use crate::{Fault, Principal, event::event};

/// Lists the remembered devices of a user.
pub struct ListDevices {
    pub clock: Arc<dyn Clock>,
    pub devices: Arc<dyn DeviceStore>,
}

impl ListDevices {
    /// The most recently used first; one round trip.
    #[tracing::instrument(name = "list_devices", skip_all)]
    pub async fn execute(&self, principal: &Principal) -> Result<Vec<DeviceEntry>, Fault> {
        Ok(self.devices.list_devices(principal.user.id, self.clock.now()).await?)
    }
}

/// Forgets one device of a user.
pub struct ForgetDevice {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub devices: Arc<dyn DeviceStore>,
}

/// Why no device was forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetDeviceError {
    /// Unknown, over, or somebody else's: one answer.
    #[error("there is no such device")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ForgetDevice {
    /// Forgets it at once: its next sign-in needs a code. Its sessions go on.
    #[tracing::instrument(name = "forget_device", skip_all)]
    pub async fn execute(
        &self,
        principal: &Principal,
        id: DeviceId,
        client: Client,
    ) -> Result<(), ForgetDeviceError> {
        let now = self.clock.now();
        let user_id = principal.user.id;
        let event = event(&*self.secrets, EventName::DeviceRevoked, client, now);
        if !self.devices.forget_device(id, user_id, &event, now).await.map_err(Fault::from)? {
            return Err(ForgetDeviceError::NotFound);
        }
        tracing::info!(event = "authn_device_revoked", user.id = %user_id.0, device.id = %id.0);
        Ok(())
    }
}

/// Forgets all devices of a user.
pub struct ForgetDevices {
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretGenerator>,
    pub devices: Arc<dyn DeviceStore>,
}

impl ForgetDevices {
    /// Forgets them at once: every next sign-in needs a code. Sessions go on.
    #[tracing::instrument(name = "forget_devices", skip_all)]
    pub async fn execute(&self, principal: &Principal, client: Client) -> Result<(), Fault> {
        let now = self.clock.now();
        let user_id = principal.user.id;
        let event = event(&*self.secrets, EventName::DeviceRevoked, client, now);
        let forgotten = self.devices.forget_devices(user_id, &event, now).await?;
        tracing::info!(event = "authn_device_revoked", user.id = %user_id.0, devices = forgotten);
        Ok(())
    }
}
