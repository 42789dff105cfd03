//! The listeners: one server with one set of workers, and an app of its own for each listener.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use actix_http::{ConnectionType, HttpService, KeepAlive, Response};
use actix_server::{Server, ServerBuilder, ServerHandle};
use actix_service::{Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::{App, web};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::interval;
use tracing::{info, warn};

use crate::app::arrival::Arrival;
use crate::app::crowd::{self, Place};
use crate::app::sockets::{Inherited, Listening};
use crate::app::{House, OpenError, Validators, trail};
use crate::config::{self, Config, process_environment};
use crate::control;
use crate::http::admin::AdminServices;
use crate::http::{self, Services};
use crate::lifecycle::{self, Connections, Doors, ServiceManager, Signals, Watch};
use crate::registry::{TokenValidator, ValidatorCounts};
use crate::telemetry::Readiness;

/// How long a request that comes while sessions are loaded waits, when the sockets were inherited: as long as it would
/// have waited in the backlog if it had come a moment earlier. Ten million sessions are loaded in a third of it.
const PATIENCE_AT_START: Duration = Duration::from_secs(30);

/// How often a service manager is told that the start goes on.
const TELL: Duration = Duration::from_secs(1);

/// Until when it may believe that.
const BELIEVE: Duration = Duration::from_secs(30);

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

/// Listeners without a house yet: they answer health and nothing else. What else comes hears 503, or waits for the house
/// where the sockets were inherited.
pub struct Entrance {
    listeners: Listeners,
    doors: Doors,
    /// What the workers wait for.
    residents: watch::Sender<Option<Worker>>,
}

/// A server that answers.
pub struct Running {
    /// Where it listens; port 0 of the configuration has become a real one.
    pub listeners: Listeners,
    doors: Doors,
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

impl Entrance {
    /// Opens the listeners, those apart that were `inherited`. From now on `readiness` is what they say of the start.
    ///
    /// # Errors
    /// Any [`ServeError`]; nothing listens then.
    pub fn open(config: &Config, mut inherited: Inherited, readiness: &Arc<Readiness>) -> Result<Self, ServeError> {
        lifecycle::outlive_file_limits()?;
        let mut listen = |listener, address| {
            let failed = |source| ServeError::Listen { listener, address, source };
            inherited.or_listen(listener, address).map_err(failed)
        };
        let public = listen("public", config.http.public)?;
        let internal = listen("internal", config.http.internal)?;
        let admin = listen("admin", config.http.admin)?;
        let sockets = [&public, &internal, &admin];
        let listeners = Listeners { public: public.address, internal: internal.address, admin: admin.address };
        warn_of_exposure(listeners);
        if sockets.iter().any(|socket| socket.is_inherited) {
            readiness.let_early_requests_wait(PATIENCE_AT_START);
        }
        let own_sockets = sockets.iter().filter_map(|socket| socket.own()).collect();
        for socket in sockets {
            socket.announce();
        }
        let (residents, awaited) = watch::channel(None);
        let connections = Connections::default();
        let lobby = Lobby { readiness: Arc::clone(readiness), connections: connections.clone(), awaited };
        let server = run([public, internal, admin], config.http.workers, &lobby)?;
        let doors = Doors {
            server,
            own_sockets,
            connections,
            readiness: Arc::clone(readiness),
            manager: ServiceManager::at(notify_socket().as_deref()),
        };
        Ok(Self { listeners, doors, residents })
    }

    /// Waits for `opening`, and tells the service manager all the while what it is busy with.
    pub async fn telling<T>(&self, opening: impl Future<Output = T>) -> T {
        tokio::select! {
            opened = opening => opened,
            never = tell_progress(&self.doors.manager, &self.doors.readiness) => match never {},
        }
    }

    /// Lets the workers serve this house. They answer health and nothing else until [`Running::welcome`].
    pub fn admit(self, house: House) -> Running {
        let worker = Worker {
            services: Arc::clone(&house.services),
            validators: Arc::clone(&house.validators),
            watch: house.watch.clone(),
            admin: AdminServices { keeper: house.keeper.clone(), locks: house.locks() },
        };
        self.residents.send_replace(Some(worker));
        Running { listeners: self.listeners, doors: self.doors, house }
    }

    /// Ends it at once: the signal of this name has come before there was a house.
    pub async fn stop(self, signal: &'static str, signals: Signals, terms: config::Lifecycle) -> ExitCode {
        let (_watch, panics) = Watch::new();
        lifecycle::stop(signal, self.doors, signals, panics, drain(terms), async {}).await
    }
}

/// Starts one server for all listeners: public, internal, admin.
fn run([public, internal, admin]: [Listening; 3], workers: usize, lobby: &Lobby) -> std::io::Result<ServerHandle> {
    let most = crowd::connections_per_worker(workers);
    let server = Server::build().workers(workers).max_concurrent_connections(most).disable_signals();
    let of_the_public = Terms { connections: Some(crowd::public_share(most)), ..Terms::FOR_STRANGERS };
    let server = add(server, public, of_the_public, lobby.clone(), |_, config| http::public(config))?;
    let server = add(server, internal, Terms::FOR_GATEWAYS, lobby.clone(), |_, config| http::internal(config))?;
    // The admin listener alone gets what changes settings and lifts locks.
    let server = add(server, admin, Terms::FOR_STRANGERS, lobby.clone(), |worker, config| {
        http::admin(config.app_data(web::Data::new(worker.admin.clone())));
    })?;
    let server = server.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

fn drain(config::Lifecycle { drain_delay, drain_timeout }: config::Lifecycle) -> lifecycle::Options {
    lifecycle::Options { drain_delay, drain_timeout }
}

fn notify_socket() -> Option<OsString> {
    process_environment().find(|(name, _)| name == "NOTIFY_SOCKET").map(|(_, socket)| socket)
}

impl Running {
    /// Loads the sessions.
    ///
    /// # Errors
    /// [`OpenError::Sessions`]; nothing may be answered then.
    pub async fn load(&self) -> Result<(), OpenError> {
        self.house.tell_start().await;
        tokio::select! {
            loaded = self.house.load_sessions() => loaded?,
            never = tell_progress(&self.doors.manager, &self.doors.readiness) => match never {},
        }
        self.house.prune_regularly();
        Ok(())
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
        self.doors.readiness.set_ready();
        self.doors.manager.ready();
        info!("ready");
        Ok(())
    }

    /// Answers until a signal or a panic ends it.
    pub async fn until_stopped(self, signals: Signals) -> ExitCode {
        self.end(None, signals).await
    }

    /// Ends it at once: the signal of this name has come before it was ready.
    pub async fn stop(self, signal: &'static str, signals: Signals) -> ExitCode {
        self.end(Some(signal), signals).await
    }

    async fn end(self, signal: Option<&'static str>, signals: Signals) -> ExitCode {
        let House { config, services, panics, store, .. } = self.house;
        let options = drain(config.lifecycle);
        let flush = async {
            services.sign_in.tell_counted().await;
            trail::tell_stop(&store, &services.clock).await;
            store.close().await;
        };
        match signal {
            Some(signal) => lifecycle::stop(signal, self.doors, signals, panics, options, flush).await,
            None => lifecycle::run(self.doors, signals, panics, options, flush).await,
        }
    }
}

/// Tells the service manager how far the start has come, again and again.
async fn tell_progress(manager: &ServiceManager, readiness: &Readiness) -> std::convert::Infallible {
    let mut ticks = interval(TELL);
    loop {
        ticks.tick().await;
        manager.starting(&readiness.step(), BELIEVE);
    }
}

/// What each worker has before there is a house.
#[derive(Clone)]
struct Lobby {
    readiness: Arc<Readiness>,
    connections: Connections,
    awaited: watch::Receiver<Option<Worker>>,
}

/// What each worker's apps are made from.
#[derive(Clone)]
struct Worker {
    services: Arc<Services>,
    validators: Arc<Validators>,
    watch: Watch,
    admin: AdminServices,
}

/// What a listener answers, by its own routes.
type Routes = fn(&Worker, &mut web::ServiceConfig);

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
    Listening { listener, address, socket, .. }: Listening,
    terms: Terms,
    lobby: Lobby,
    routes: Routes,
) -> std::io::Result<ServerBuilder> {
    server.listen(listener, socket, move || {
        let Lobby { readiness, connections, awaited } = lobby.clone();
        let app = Arrival::new(listener == "internal", readiness, awaited, move |worker: Worker| {
            let last = last_answers(&worker.services.readiness);
            let services = web::Data::from(Arc::clone(&worker.services));
            let app = App::new().app_data(services).app_data(worker.validator());
            let app = app.configure(|config| routes(&worker, config));
            map_config(app, |()| AppConfig::default()).map(last).map(Response::from).new_service(())
        });
        let service = HttpService::build()
            .keep_alive(terms.idle)
            .client_request_timeout(terms.head)
            // A client that has hung up must not be hashed for: its handler is dropped.
            .h1_allow_half_closed(false)
            // Idle connections are closed when the server stops, instead of holding up the end.
            .graceful_shutdown_signal({
                let connections = connections.clone();
                move || connections.closing()
            })
            .local_addr(address)
            .finish(app)
            .tcp();
        apply_fn_factory(service, move |stream, service| {
            let connection = connections.open();
            let place = terms.connections.map(Place::take);
            let is_refused = matches!(place, Some(None));
            let serving = (!is_refused).then(|| service.call(stream));
            async move {
                let outcome = match serving {
                    Some(serving) => serving.await,
                    None => Ok(()),
                };
                drop((place, connection));
                outcome
            }
        })
    })
}

/// While the server stops, each answer is the last one of its connection: the client is to take the next request
/// elsewhere, and not to be surprised by a connection that is closed.
fn last_answers<Body>(
    readiness: &Arc<Readiness>,
) -> impl Fn(ServiceResponse<Body>) -> ServiceResponse<Body> + Clone + use<Body> {
    // Cloned with every request: a counter that the workers share would be felt.
    let readiness = Rc::new(Arc::clone(readiness));
    move |mut answer| {
        if readiness.is_stopping() {
            answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        answer
    }
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
