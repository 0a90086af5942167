//! The protocol, explored: every interleaving of a few deliveries, the sweeper and the people, in a small world that
//! loses answers, kills workers and lets the rail be late.
//!
//! What runs is `payonce_protocol` itself: [`payonce_protocol::event::Event::step`] decides for every worker,
//! [`payonce_protocol::sweep`] for the sweeper, [`payonce_protocol::reissue::offer`] for the people. Modelled is only
//! what surrounds it:
//!
//! * [`setting`]: what a world consists of, and when its clock may stand where.
//! * [`fault`]: what may go wrong, each for one unit of a budget.
//! * [`table`]: the audit table, its lagging index, puts that land late, and the cases.
//! * [`rail`]: key life, delayed execution, look-ups that lag; it counts what it *executes*.
//! * [`worker`]: one event of one delivery, or one approved re-issue, between two steps.
//! * [`sweeper`] and [`people`].
//! * [`step`], [`possible`] and [`world`]: what may happen next, and what it does.
//! * [`numbers`]: which states are one, because workers have no names.
//! * [`worlds`]: the settings that are explored.
//! * [`properties`]: what must hold in every state, and what must be possible.
//! * [`releases`]: a world of its own: who may pay, with two versions live at once and books that are restored.
//! * [`mutation`]: worlds in which one guard is missing. They live here, never in production code.
//!
//! Three things are taken for granted, as in ARCHITECTURE.md: nothing lands, and no index row stays hidden, for longer
//! than a day; a clock is wrong by less than the sweeper's margin; a rail keeps what it promises.

pub mod fault;
pub mod mutation;
pub mod numbers;
pub mod people;
pub mod possible;
pub mod properties;
pub mod rail;
pub mod releases;
pub mod setting;
pub mod step;
pub mod sweeper;
pub mod table;
pub mod worker;
pub mod world;
pub mod worlds;
