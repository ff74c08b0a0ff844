//! What the notice says, made exact. Pure: no I/O, no clock, no async, no floats.
//!
//! Read in this order: [`course`], [`assessment`] and [`fragment`] (what is received, as far as it can be read), [`catalogue`] and [`policy`] (dated data),
//! [`judge`] (the rules), [`verdict`] (their answer), [`waiver`] (what need not be kept), [`held`] (what is lacking, and whose it is), [`alike`] (how rows find each other), [`register`] (what is known and settled), [`batch`] (what is
//! claimed), [`plan`] (what is meant to happen next year), [`duty`] (what is due by when), [`goal`] (what it is all for).

#![deny(clippy::float_arithmetic, clippy::float_cmp)]

pub mod alike;
pub mod assessment;
pub mod batch;
pub mod calendar;
pub mod catalogue;
pub mod course;
pub mod duty;
pub mod finding;
pub mod fragment;
pub mod goal;
pub mod held;
pub mod holidays;
pub mod identifiers;
pub mod judge;
pub mod money;
pub mod plan;
pub mod policy;
pub mod register;
pub mod verdict;
pub mod waiver;
