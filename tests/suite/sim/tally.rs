//! Figures of lives: what a soak is judged by.

/// Figures of a life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Things that happened.
    pub events: u64,
    /// Rounds of the stages.
    pub rounds: u64,
    /// Kills.
    pub kills: u64,
    /// Fail points passed.
    pub points: u64,
    /// Mails that left.
    pub mails: u64,
    /// Reminders given.
    pub notices: u64,
    /// Batches sealed.
    pub batches: u64,
    /// Lines refused for the cap alone.
    pub capped: u64,
    /// Plans compiled.
    pub plans: u64,
    /// Files taken in.
    pub files: u64,
}

impl Tally {
    /// Adds the figures of another life.
    pub fn add(&mut self, other: &Tally) {
        self.events += other.events;
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.points += other.points;
        self.mails += other.mails;
        self.notices += other.notices;
        self.batches += other.batches;
        self.capped += other.capped;
        self.plans += other.plans;
        self.files += other.files;
    }

    /// Each figure with its name.
    pub fn parts(&self) -> [(&'static str, u64); 10] {
        [
            ("events", self.events),
            ("rounds", self.rounds),
            ("kills", self.kills),
            ("fail points", self.points),
            ("mails", self.mails),
            ("notices", self.notices),
            ("batches", self.batches),
            ("over the cap", self.capped),
            ("city plans", self.plans),
            ("files", self.files),
        ]
    }
}
