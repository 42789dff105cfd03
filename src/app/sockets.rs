//! The listening sockets: inherited from whoever started the process, or opened here.
//!
//! systemd, and others that keep sockets open over a restart, hand them over from number 3 on and say so in
//! `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` (`sd_listen_fds(3)`). By their names they are `public`, `internal` and
//! `admin`; without names there have to be three, in this order. A listener that was not handed over is opened where the
//! configuration says.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use thiserror::Error;
use tracing::info;

use crate::config::process_environment;

/// The listeners that can be inherited, in the order in which they come when they have no names.
const LISTENERS: [&str; 3] = ["public", "internal", "admin"];

/// How many connections may wait to be accepted, as actix-web has it.
const BACKLOG: i32 = 2048;

/// The listening sockets that were handed over, each with its name.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(&'static str, TcpListener)>);

/// Why sockets that were handed over cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InheritedError {
    /// `LISTEN_FDS` is no number.
    #[error("LISTEN_FDS is not a number of sockets: {0:?}")]
    NotANumber(String),
    /// There are no names, and not one socket for each listener.
    #[error("{count} sockets were handed over without names (LISTEN_FDNAMES); it has to be 3: public, internal, admin")]
    WrongCount {
        /// How many there are.
        count: usize,
    },
    /// There are not as many names as sockets.
    #[error("{sockets} sockets were handed over (LISTEN_FDS) with {names} names (LISTEN_FDNAMES)")]
    WrongNames {
        /// How many sockets there are.
        sockets: usize,
        /// How many names.
        names: usize,
    },
    /// No listener has this name.
    #[error(
        "a socket was handed over with the name {0:?}; it has to be one of public, internal and admin \
         (FileDescriptorName= of a systemd socket)"
    )]
    UnknownName(String),
    /// Two sockets have the same name.
    #[error("more than one socket was handed over with the name {0}; a listener has one address (ListenStream=)")]
    Twice(&'static str),
    /// It is no TCP socket.
    #[error("what was handed over for the {listener} listener cannot be used: {problem}")]
    NotTcp {
        /// The listener.
        listener: &'static str,
        /// What it is instead.
        problem: String,
    },
    /// It is not open for connections.
    #[error(
        "the socket that was handed over for the {0} listener does not listen (with systemd: ListenStream= and \
         Accept=no)"
    )]
    DoesNotListen(&'static str),
}

impl Inherited {
    /// What was handed over to this process. To be called before there is another thread, and once: it is gone from the
    /// environment then.
    ///
    /// # Errors
    /// Any [`InheritedError`].
    pub fn take() -> Result<Self, InheritedError> {
        let variable = |wanted| {
            let found = process_environment().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.to_string_lossy().into_owned())
        };
        if let Some(count) = variable("LISTEN_FDS").filter(|count| count.parse::<u16>().is_err()) {
            return Err(InheritedError::NotANumber(count));
        }
        let names = variable("LISTEN_FDNAMES");
        let mut sockets = ListenFd::from_env();
        let listeners = assign(names.as_deref(), sockets.len())?;
        let take = |(number, listener)| Ok((listener, listening(&mut sockets, number, listener)?));
        listeners.into_iter().enumerate().map(take).collect::<Result<_, _>>().map(Self)
    }

    /// The socket of a listener: the one that was handed over, or one that is opened at `address`.
    pub(super) fn or_listen(&mut self, listener: &'static str, address: SocketAddr) -> std::io::Result<Listening> {
        let handed_over = self.0.iter().position(|(name, _)| *name == listener);
        let (socket, is_inherited) = match handed_over {
            Some(place) => (self.0.swap_remove(place).1, true),
            None => (bind(address)?, false),
        };
        Ok(Listening { listener, address: socket.local_addr()?, socket, is_inherited })
    }
}

/// The socket of a listener.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) listener: &'static str,
    pub(super) address: SocketAddr,
    pub(super) socket: TcpListener,
    /// Whether somebody else holds it open, too.
    pub(super) is_inherited: bool,
}

impl Listening {
    /// A second handle on it, when nobody else has one.
    pub(super) fn own(&self) -> Option<TcpListener> {
        // Without it the socket is closed a little later, with the server.
        self.socket.try_clone().ok().filter(|_| !self.is_inherited)
    }

    /// Says where it listens.
    pub(super) fn announce(&self) {
        let Self { listener, address, is_inherited, .. } = self;
        info!(listener, %address, inherited = is_inherited, "listening");
    }
}

/// Which listener each of `count` sockets is for.
fn assign(names: Option<&str>, count: usize) -> Result<Vec<&'static str>, InheritedError> {
    let Some(names) = names.filter(|names| !names.is_empty() && count > 0) else {
        return match count {
            0 => Ok(Vec::new()),
            _ if count == LISTENERS.len() => Ok(LISTENERS.to_vec()),
            _ => Err(InheritedError::WrongCount { count }),
        };
    };
    let names: Vec<_> = names.split(':').collect();
    if names.len() != count {
        return Err(InheritedError::WrongNames { sockets: count, names: names.len() });
    }
    let mut assigned = Vec::new();
    for name in names {
        let known = LISTENERS.into_iter().find(|listener| *listener == name);
        let listener = known.ok_or_else(|| InheritedError::UnknownName(name.to_owned()))?;
        if assigned.contains(&listener) {
            return Err(InheritedError::Twice(listener));
        }
        assigned.push(listener);
    }
    Ok(assigned)
}

fn listening(sockets: &mut ListenFd, number: usize, listener: &'static str) -> Result<TcpListener, InheritedError> {
    let unusable = |problem: String| InheritedError::NotTcp { listener, problem };
    let socket = sockets.take_tcp_listener(number).map_err(|error| unusable(error.to_string()))?;
    let socket = socket.ok_or_else(|| unusable("it is used already".to_owned()))?;
    match SockRef::from(&socket).is_listener() {
        Ok(true) => Ok(socket),
        Ok(false) => Err(InheritedError::DoesNotListen(listener)),
        Err(error) => Err(unusable(error.to_string())),
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_known_by_their_names_or_by_their_order() {
        assert_eq!(assign(None, 0), Ok(vec![]));
        assert_eq!(assign(Some("left:over"), 0), Ok(vec![]));
        assert_eq!(assign(None, 3), Ok(vec!["public", "internal", "admin"]));
        assert_eq!(assign(Some(""), 3), Ok(vec!["public", "internal", "admin"]));
        assert_eq!(assign(Some("admin:public"), 2), Ok(vec!["admin", "public"]));
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        assert_eq!(assign(None, 2), Err(InheritedError::WrongCount { count: 2 }));
        assert_eq!(assign(Some("public"), 2), Err(InheritedError::WrongNames { sockets: 2, names: 1 }));
        assert_eq!(
            assign(Some("tokenward.socket"), 1),
            Err(InheritedError::UnknownName("tokenward.socket".to_owned()))
        );
        assert_eq!(assign(Some("public:public"), 2), Err(InheritedError::Twice("public")));
    }

    #[test]
    fn a_listener_that_was_not_handed_over_is_opened_and_is_our_own() {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = here.local_addr().unwrap();
        let mut inherited = Inherited(vec![("internal", here)]);
        let loopback = "127.0.0.1:0".parse().unwrap();
        let internal = inherited.or_listen("internal", loopback).unwrap();
        assert!(internal.address == address && internal.is_inherited && internal.own().is_none());
        let public = inherited.or_listen("public", loopback).unwrap();
        assert!(!public.is_inherited && public.own().is_some());
    }
}
