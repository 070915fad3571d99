//! Who calls.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use tonic::{Request, Status, transport::server::TcpConnectInfo};

use crate::error::{ApiError, Code};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    Admin,
}

/// The caller of a request. Put there by [`identify`]; handlers refuse requests without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) role: Role,
    pub(crate) peer: SocketAddr,
}

impl Principal {
    /// # Errors
    /// When the request did not pass [`identify`].
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, ApiError> {
        request
            .extensions()
            .get::<Self>()
            .copied()
            .ok_or_else(|| ApiError::new(Code::PermissionDenied, "the caller is not known"))
    }
}

/// For histories: who, and from where.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Role::Admin = self.role;
        write!(f, "admin at {}", self.peer.ip().to_canonical())
    }
}

/// Gives every request its principal, from the peer's address: this machine is the administrator. Others are only let
/// in where the person who started the coordinator said that anybody may do everything.
pub(crate) fn identify(mut request: Request<()>, insecure: bool) -> Result<Request<()>, Status> {
    let peer = request
        .extensions()
        .get::<TcpConnectInfo>()
        .and_then(TcpConnectInfo::remote_addr);
    match peer {
        Some(peer) if insecure || is_this_machine(peer.ip()) => {
            request.extensions_mut().insert(Principal {
                role: Role::Admin,
                peer,
            });
            Ok(request)
        }
        _ => Err(ApiError::new(
            Code::PermissionDenied,
            "only callers on the coordinator's own machine are let in",
        )
        .into()),
    }
}

fn is_this_machine(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(TcpConnectInfo {
            local_addr: None,
            remote_addr: Some(peer.parse().unwrap()),
        });
        request
    }

    #[test]
    fn this_machine_is_the_administrator() {
        for peer in ["127.0.0.1:5", "[::1]:5", "[::ffff:127.0.0.1]:5"] {
            let request = identify(from(peer), false).unwrap();
            assert_eq!(Principal::of(&request).unwrap().role, Role::Admin);
        }
    }

    #[test]
    fn others_are_refused_unless_said_otherwise() {
        assert!(identify(from("192.0.2.1:5"), false).is_err());
        assert!(identify(from("192.0.2.1:5"), true).is_ok());
        assert!(identify(Request::new(()), true).is_err());
    }

    #[test]
    fn a_request_that_nobody_identified_is_refused() {
        let error = Principal::of(&from("127.0.0.1:5")).unwrap_err();
        assert_eq!(error.code, Code::PermissionDenied);
    }
}
