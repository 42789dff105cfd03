//! The listeners: one server with one set of workers, and an app of its own for each listener.

use std::cell::OnceCell;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use actix_http::{HttpService, KeepAlive};
use actix_server::{Server, ServerBuilder, ServerHandle};
use actix_service::{Service, apply_fn_factory, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, web};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tracing::{info, warn};

use crate::app::crowd::{self, Place};
use crate::app::{House, OpenError, Validators};
use crate::control;
use crate::http::admin::AdminServices;
use crate::http::{self, Services};
use crate::lifecycle::{self, Watch};
use crate::registry::{TokenValidator, ValidatorCounts};

/// How many connections may wait to be accepted, as actix-web has it.
const BACKLOG: i32 = 2048;

/// On which terms a listener serves.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// How long an idle connection is kept.
    idle: KeepAlive,
    /// How long a client may take to send the head of a request; zero for as long as it likes.
    head: Duration,
    /// How many connections it may hold on each worker; further ones are closed without an answer.
    connections: Option<usize>,
}

impl Terms {
    /// For anybody. Idle connections are kept longer than the 60 s that gateways keep theirs, so that it is never this
    /// side that closes one just as a request comes.
    const FOR_STRANGERS: Self =
        Self { idle: KeepAlive::Timeout(Duration::from_secs(75)), head: Duration::from_secs(10), connections: None };

    /// For gateways and monitoring: they are trusted, and two timers less are felt on every check.
    const FOR_GATEWAYS: Self = Self { idle: KeepAlive::Os, head: Duration::ZERO, connections: None };
}

/// Where the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// Magento's API.
    pub public: SocketAddr,
    /// The gateway's questions, health, metrics.
    pub internal: SocketAddr,
    /// The admin API.
    pub admin: SocketAddr,
}

/// A server that answers.
pub struct Running {
    /// Where it listens; port 0 of the configuration has become a real one.
    pub listeners: Listeners,
    server: ServerHandle,
    house: House,
}

/// Why the listeners could not be opened.
#[derive(Debug, Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} (http.{listener}): {source}")]
    Listen {
        /// The key of the address.
        listener: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The control socket, or the workers.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Opens the listeners of a house. They answer health and nothing else until [`Running::welcome`].
///
/// # Errors
/// Any [`ServeError`]; nothing listens then.
pub fn serve(house: House) -> Result<Running, ServeError> {
    lifecycle::outlive_file_limits()?;
    let public = listen("public", house.config.http.public)?;
    let internal = listen("internal", house.config.http.internal)?;
    let admin = listen("admin", house.config.http.admin)?;
    let listeners =
        Listeners { public: public.local_addr()?, internal: internal.local_addr()?, admin: admin.local_addr()? };
    warn_of_exposure(listeners);
    let worker = Worker {
        services: Arc::clone(&house.services),
        validators: Arc::clone(&house.validators),
        watch: house.watch.clone(),
    };
    let connections = crowd::connections_per_worker(house.config.http.workers);
    let server = Server::build()
        .workers(house.config.http.workers)
        .max_concurrent_connections(connections)
        .shutdown_timeout(house.config.lifecycle.drain_timeout.as_secs())
        .disable_signals();
    let of_the_public = Terms { connections: Some(crowd::public_share(connections)), ..Terms::FOR_STRANGERS };
    let server = add(server, ("public", public), of_the_public, worker.clone(), http::public)?;
    let server = add(server, ("internal", internal), Terms::FOR_GATEWAYS, worker.clone(), http::internal)?;
    let server = add(server, ("admin", admin), Terms::FOR_STRANGERS, worker, admin_routes(&house))?;
    let server = server.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    info!(listener = "public", address = %listeners.public, "listening");
    info!(listener = "internal", address = %listeners.internal, "listening");
    info!(listener = "admin", address = %listeners.admin, "listening");
    Ok(Running { listeners, server: handle, house })
}

impl Running {
    /// Loads the sessions.
    ///
    /// # Errors
    /// [`OpenError::Sessions`]; nothing may be answered then.
    pub async fn load(&self) -> Result<(), OpenError> {
        self.house.load_sessions().await
    }

    /// What the listeners were opened on.
    pub fn house(&self) -> &House {
        &self.house
    }

    /// From now on everything is answered, also on the control socket: a command must not miss a session that is not
    /// loaded yet.
    ///
    /// # Errors
    /// When the control socket cannot be opened.
    pub fn welcome(&self) -> std::io::Result<()> {
        actix_rt::spawn(control::listen(self.house.folder(), Arc::new(self.house.office()))?);
        self.house.services.readiness.set_ready();
        info!("ready");
        Ok(())
    }

    /// Answers until a signal or a panic ends it.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub async fn until_stopped(self) -> std::io::Result<ExitCode> {
        let House { config, services, panics, store, .. } = self.house;
        let options = lifecycle::Options { drain_delay: config.lifecycle.drain_delay };
        let code = lifecycle::run(self.server, panics, Arc::clone(&services.readiness), options).await?;
        if code == ExitCode::SUCCESS {
            store.close().await;
        }
        Ok(code)
    }
}

/// What each worker's apps are made from.
#[derive(Clone)]
struct Worker {
    services: Arc<Services>,
    validators: Arc<Validators>,
    watch: Watch,
}

thread_local! {
    /// The validator of this worker: all listeners' apps run on its thread and share it.
    static VALIDATOR: OnceCell<Addr<TokenValidator>> = const { OnceCell::new() };
}

impl Worker {
    fn validator(&self) -> Addr<TokenValidator> {
        let start = || {
            let counts = Arc::<ValidatorCounts>::default();
            let guard = Box::new(self.watch.guard("token-validator"));
            let reader = self.services.registry.reader().clone();
            let validator = TokenValidator::new(reader, Arc::clone(&counts), guard).start();
            self.validators.add(validator.clone(), counts);
            validator
        };
        VALIDATOR.with(|validator| validator.get_or_init(start).clone())
    }
}

/// Adds a listener.
fn add(
    server: ServerBuilder,
    (name, listener): (&'static str, TcpListener),
    terms: Terms,
    worker: Worker,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<ServerBuilder> {
    let address = listener.local_addr()?;
    let stopping = server.graceful_shutdown_signal();
    server.listen(name, listener, move || {
        let stopping = stopping.clone();
        let services = web::Data::from(Arc::clone(&worker.services));
        let app = App::new().app_data(services).app_data(worker.validator()).configure(routes.clone());
        let service = HttpService::build()
            .keep_alive(terms.idle)
            .client_request_timeout(terms.head)
            // A client that has hung up must not be hashed for: its handler is dropped.
            .h1_allow_half_closed(false)
            // Idle connections are closed when the server stops, instead of holding up the end.
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .local_addr(address)
            .finish(map_config(app, |()| AppConfig::default()))
            .tcp();
        apply_fn_factory(service, move |stream, service| {
            let place = terms.connections.map(Place::take);
            let is_refused = matches!(place, Some(None));
            let serving = (!is_refused).then(|| service.call(stream));
            async move {
                let outcome = match serving {
                    Some(serving) => serving.await,
                    None => Ok(()),
                };
                drop(place);
                outcome
            }
        })
    })
}

/// What the admin listener answers: it alone gets what changes settings and lifts locks.
fn admin_routes(house: &House) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let services = AdminServices { keeper: house.keeper.clone(), locks: house.locks() };
    move |config| http::admin(config.app_data(web::Data::new(services.clone())))
}

fn listen(listener: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    bind(address).map_err(|source| ServeError::Listen { listener, address, source })
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn warn_of_exposure(listeners: Listeners) {
    if !listeners.internal.ip().is_loopback() {
        warn!(
            address = %listeners.internal,
            "the internal listener is bound to more than loopback: it trusts whoever reaches it, so see to it that only \
             gateways and monitoring do"
        );
    }
    if !listeners.admin.ip().is_loopback() {
        warn!(
            address = %listeners.admin,
            "the admin listener is bound to more than loopback: whoever reaches it can try administrators' tokens, so \
             see to it that only administrators do"
        );
    }
}
