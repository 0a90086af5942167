//! What each function may do with the tables, as types. What its role in IAM forbids does not compile: a method that writes, or
//! queries, asks for the power to do just that, and each function holds a ledger of its own powers. `tests/template` holds that a
//! role allows what its function's powers need, and no power more.
//!
//! The console cannot claim:
//!
//! ```compile_fail,E0277
//! # use payonce_ledger::{Claim, Ledger, powers::Console};
//! async fn claims(ledger: Ledger<Console>, claim: Claim) {
//!     ledger.put_claim(&claim).await;
//! }
//! ```
//!
//! nor can the sweeper, which gives up what others claimed:
//!
//! ```compile_fail,E0277
//! # use payonce_ledger::{Claim, Ledger, powers::Sweeper};
//! async fn claims(ledger: Ledger<Sweeper>, claim: Claim) {
//!     ledger.put_claim(&claim).await;
//! }
//! ```
//!
//! A webhook does not act for people, nor release what somebody holds:
//!
//! ```compile_fail,E0277
//! # use payonce_ledger::{Ledger, powers::Webhook};
//! # use payonce_protocol::hold::Hold;
//! async fn releases(ledger: Ledger<Webhook>) {
//!     let _ = ledger.set_hold(Hold::Pay, "webhook", "", 0).await;
//! }
//! ```
//!
//! The console files no case in a function's name:
//!
//! ```compile_fail,E0277
//! # use payonce_ledger::{Case, Ledger, powers::Console};
//! async fn files(ledger: Ledger<Console>, case: Case) {
//!     let _ = ledger.file_case(&case).await;
//! }
//! ```
//!
//! Whoever only looks writes nothing, not even a look-up:
//!
//! ```compile_fail,E0277
//! # use payonce_ledger::{Ledger, LookUpRecord, powers::Reader};
//! # use payonce_protocol::order::PayoutKey;
//! async fn adds(ledger: Ledger<Reader>, key: PayoutKey, look_up: LookUpRecord) {
//!     let _ = ledger.add_look_up(&key, 1, &look_up).await;
//! }
//! ```
//!
//! audit-watch knows the hold and nothing else:
//!
//! ```compile_fail,E0599
//! # use payonce_ledger::{Ledger, powers::AuditWatch};
//! # use payonce_protocol::ids::CaseId;
//! async fn reads(ledger: Ledger<AuditWatch>, id: CaseId) {
//!     let _ = ledger.case(&id).await;
//! }
//! ```
//!
//! And no function starts payouts: that takes a person with a ledger of all powers.
//!
//! ```compile_fail,E0277
//! # use payonce_ledger::{Books, Ledger, powers::Payer};
//! async fn starts(ledger: Ledger<Payer>) {
//!     let _ = ledger.release(Books::First, "payer", "", 0).await;
//! }
//! ```
//!
//! With the powers for it each of these compiles:
//!
//! ```
//! # use payonce_ledger::{Books, Case, Claim, Ledger, powers::Everything};
//! # use payonce_protocol::{hold::Hold, ids::CaseId};
//! # async fn does(ledger: Ledger<Everything>, claim: Claim, case: Case, id: CaseId) {
//! ledger.put_claim(&claim).await;
//! let _ = ledger.set_hold(Hold::Pay, "webhook", "", 0).await;
//! let _ = ledger.file_case(&case).await;
//! let _ = ledger.case(&id).await;
//! let _ = ledger.release(Books::First, "payer", "", 0).await;
//! # }
//! ```

/// Holds powers over the tables.
pub trait Holder: Clone + Send + Sync + 'static {}

macro_rules! powers {
    ($($(#[$doc:meta])* $power:ident;)*) => { $($(#[$doc])* pub trait $power: Holder {})* };
}

powers! {
    /// Reads single items of all three tables.
    Reads;
    /// Reads everything that stands under a key of the audit table, and its indexes.
    QueriesAudit;
    /// The same of the reconcile table.
    QueriesCases;
    /// Puts claims, bars and closings into the audit table, and the outcomes of attempts of its own.
    Claims;
    /// Adds to the audit table what the rail's books say.
    LooksUp;
    /// Gives up attempts of others whose worker died.
    GivesUp;
    /// Keeps the bodies of deliveries, and of listed events that were never delivered.
    KeepsBodies;
    /// Opens cases, and adds events and evidence to them.
    Files;
    /// Writes into cases what people did.
    Acts;
    /// Writes batches, people, files and imports of the bank's files.
    ServesPeople;
    /// Writes the items by which runs of the sweeper follow each other.
    Sweeps;
    /// Writes what a reconciliation found.
    Reconciles;
    /// Stops payouts.
    Holds;
    /// Says that payouts are made: for which tables, and by which rules.
    Releases;
}

macro_rules! holders {
    ($($(#[$doc:meta])* $holder:ident: $($power:ident),*;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $holder {}

        impl Holder for $holder {}
        $(impl $power for $holder {})*
    )* };
}

holders! {
    Webhook: Reads, QueriesAudit, Claims, KeepsBodies, Files;
    Payer: Reads, QueriesAudit, QueriesCases, Claims, LooksUp, Files, Acts;
    Sweeper: Reads, QueriesAudit, QueriesCases, LooksUp, GivesUp, Files, Sweeps, Holds;
    Reconciler: Reads, QueriesAudit, QueriesCases, KeepsBodies, Files, Reconciles;
    Console: Reads, QueriesAudit, QueriesCases, Acts, ServesPeople;
    AuditWatch: Holds;
    Notices: Reads, QueriesAudit;
    /// A function that leaves the tables alone.
    Nothing: ;
    /// A person at a terminal who only looks.
    Reader: Reads, QueriesAudit, QueriesCases;
    /// A person at a terminal, and the tests.
    Everything: Reads, QueriesAudit, QueriesCases, Claims, LooksUp, GivesUp, KeepsBodies, Files, Acts, ServesPeople, Sweeps, Reconciles, Holds, Releases;
}
