-- What the daemon needs to run once, alone and on the right machine.

-- What the schedule asked for: each slot of a duty once, and how it ended.
CREATE TABLE occurrence (
    duty TEXT NOT NULL,       -- collect, calculate, claim, deliver ...
    slot INTEGER NOT NULL,    -- the instant that was asked for (UTC, epoch ms); of several missed ones the last
    first_slot INTEGER NOT NULL, -- the first of the slots that became this one run
    slots INTEGER NOT NULL,   -- how many slots became this one run
    state TEXT NOT NULL,      -- running, done, late, failed or skipped
    reason TEXT NOT NULL,     -- why late, failed or skipped; empty for done. No personal data
    holder TEXT NOT NULL,     -- the process that ran it
    started_at INTEGER NOT NULL, -- when (UTC, epoch ms)
    ended_at INTEGER,         -- when it ended (UTC, epoch ms); empty while it runs
    PRIMARY KEY (duty, slot)
);
CREATE INDEX occurrence_running ON occurrence (duty) WHERE ended_at IS NULL;

-- Up to when the schedule of a duty was looked at: what lies after it is due or was missed.
CREATE TABLE schedule_watch (
    duty TEXT PRIMARY KEY,           -- the duty
    evaluated_until INTEGER NOT NULL -- the instant (UTC, epoch ms)
);

-- Which process runs a duty: never two at a time, on however many machines.
CREATE TABLE duty_lease (
    duty TEXT PRIMARY KEY,       -- the duty
    holder TEXT NOT NULL,        -- the process
    lease_until INTEGER NOT NULL -- when the lease runs out unless it is renewed (UTC, epoch ms)
);

-- The machines that may send: a copy of the data on any other one does not.
CREATE TABLE machine (
    id TEXT PRIMARY KEY,         -- keyed hash of the machine-id, hex
    adopted_at INTEGER NOT NULL, -- when (UTC, epoch ms)
    by_whom BLOB NOT NULL,       -- who adopted it, sealed
    reason BLOB NOT NULL         -- why, sealed
);
