//! Whether the peer of a session is who it was: what a configuration says of it before
//! it is resumed.

use super::common::Common;
use super::judge::Judge;
use crate::pki::{Purpose, Report, ServerName};
use crate::session::Peer;
use std::sync::Arc;

/// What a configuration says of the peer of a session.
pub(crate) enum Again {
    /// It is taken for who it was.
    Stands(Standing),
    /// The application is to say.
    Asks,
    /// The policy would not accept it today.
    Refused(Report),
}

impl Again {
    /// The evidence, where there is any.
    pub(crate) fn standing(self) -> Option<Standing> {
        match self {
            Self::Stands(standing) => Some(standing),
            Self::Asks | Self::Refused(_) => None,
        }
    }
}

/// The evidence without which no session is resumed: it is the admission itself, or
/// whoever is to judge its peer again has accepted it. Made in this file alone.
pub(crate) struct Standing {
    report: Option<Arc<Report>>,
}

impl Standing {
    /// What the application said, where it was asked.
    pub(crate) fn said(accepts: bool) -> Option<Self> {
        accepts.then_some(Self { report: None })
    }

    /// Each check, where a policy judged again.
    pub(crate) fn report(&self) -> Option<&Arc<Report>> {
        self.report.as_ref()
    }
}

impl Common {
    /// What is to be said of a session's peer, which is a server where it has a name.
    /// Whoever showed no certificate has nothing that could be judged.
    pub(crate) fn again(
        &self,
        judge: Option<&Judge>,
        peer: &Peer,
        name: Option<&ServerName<'static>>,
    ) -> Again {
        let (Some(judge), Some(chain), true) = (judge, &peer.chain, self.verifies_on_resumption) else {
            return Again::Stands(Standing { report: None });
        };
        let purpose = if name.is_some() { Purpose::Server } else { Purpose::Client };
        let ocsp = peer.ocsp.as_deref().map_or(&[][..], Vec::as_slice);
        match judge.verdict(chain, ocsp, name, purpose, self.now()) {
            None => Again::Asks,
            Some(Ok(accepted)) => Again::Stands(Standing { report: Some(Arc::new(accepted.report)) }),
            Some(Err(refused)) => Again::Refused(refused.report),
        }
    }
}
