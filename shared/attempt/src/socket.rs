//! The connection of one attempt. Nothing can leave after the outcome is written, because recording takes [`Closed`], and
//! while one exists no connection can be put into its socket.

use std::marker::PhantomData;

use payonce_rails::RailConnection;

#[derive(Default)]
pub(crate) struct Socket(Option<RailConnection>);

/// No connection stands.
pub(crate) struct Closed<'a>(PhantomData<&'a mut Socket>);

impl Socket {
    pub(crate) fn open(&mut self, connection: RailConnection) {
        self.0 = Some(connection);
    }

    /// For the one request of the attempt.
    pub(crate) fn take(&mut self) -> Option<RailConnection> {
        self.0.take()
    }

    pub(crate) fn close(&mut self) -> Closed<'_> {
        self.0 = None;
        Closed(PhantomData)
    }
}
