//! What an operator's commands get of a house.
//!
//! It knows no command: it hands out the parts that `control` works with. What always holds: a copy of the data folder is
//! made on a thread that may block, while everything else goes on.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::House;
use crate::app::house::elsewhere;
use crate::audit::Origin;
use crate::clock::SharedClock;
#[cfg(debug_assertions)]
use crate::control::PanicButton;
use crate::control::{Copier, Office};
use crate::store;

impl House {
    /// What commands of the operator are carried out on.
    pub fn office(&self) -> Office {
        Office {
            clock: Arc::clone(&self.services.clock),
            accounts: Arc::clone(&self.accounts),
            shop: self.shop.clone(),
            elsewhere: elsewhere(self.tokens.as_ref()),
            keeper: self.keeper.clone(),
            registry: self.services.registry.clone(),
            sign_in: self.services.sign_in.clone(),
            copier: copier(self.folder.database(), Arc::clone(&self.services.clock)),
            origin: Origin::SERVER,
            #[cfg(debug_assertions)]
            panics: panic_buttons(self),
        }
    }
}

/// Copies the file at `database`, on a thread that may block.
fn copier(database: PathBuf, clock: SharedClock) -> Copier {
    Copier(Arc::new(move |to| {
        let (database, now) = (database.clone(), clock.now());
        let copied = tokio::task::spawn_blocking(move || store::back_up(&database, &to, now));
        Box::pin(async move {
            let copied = copied.await.map_err(|error| error.to_string())?;
            copied.map_err(|error| error.to_string())
        })
    }))
}

/// What makes each long-lived actor panic.
#[cfg(debug_assertions)]
fn panic_buttons(house: &House) -> Vec<(&'static str, PanicButton)> {
    let (registry, keeper, store) = (house.services.registry.clone(), house.keeper.clone(), house.store.clone());
    let (sign_in, validators) = (house.services.sign_in.clone(), Arc::clone(&house.validators));
    let hashers = sign_in.clone();
    vec![
        ("token-registry", PanicButton(Arc::new(move || registry.provoke_panic()))),
        ("settings-keeper", PanicButton(Arc::new(move || keeper.provoke_panic()))),
        ("store-writer", PanicButton(Arc::new(move || store.provoke_panic()))),
        ("password-hasher", PanicButton(Arc::new(move || hashers.provoke_panic()))),
        ("memory-keeper", PanicButton(Arc::new(move || sign_in.provoke_keeper_panic()))),
        ("token-validator", PanicButton(Arc::new(move || validators.provoke_panic()))),
    ]
}
