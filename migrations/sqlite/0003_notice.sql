-- Reminders: which step of which duty each prison was told, and in which letter.

-- One step that a prison was told; several stand in one letter where letters were missed or days fell together.
CREATE TABLE notice (
    duty TEXT NOT NULL,        -- id of the duty in the settings
    term TEXT NOT NULL,        -- which deadline of it: plan year 2027, period 2026-Q4, key of a course
    prison TEXT NOT NULL,      -- full name
    step INTEGER NOT NULL,     -- days before the last working day (negative), 0 that day, working days overdue
    planned_on TEXT NOT NULL,  -- the day for which it was planned
    late INTEGER NOT NULL,     -- 1 if the letter left on a later day
    next_on TEXT,              -- when the next letter comes, as the letter says; empty = none
    letter TEXT NOT NULL,      -- key of the letter's delivery
    at INTEGER NOT NULL,       -- when it was queued (UTC, epoch ms)
    UNIQUE (duty, term, prison, step)
);

CREATE TRIGGER notice_unchanged BEFORE UPDATE ON notice BEGIN SELECT RAISE(ABORT, 'notice is append only'); END;
CREATE TRIGGER notice_undeleted BEFORE DELETE ON notice BEGIN SELECT RAISE(ABORT, 'notice is append only'); END;
