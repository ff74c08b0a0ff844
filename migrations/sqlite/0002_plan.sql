-- Plans (附件1-4): what planning workbooks said, and the compiled plan of the city.

-- A file that is read again under a mended catalogue brings further rows: a roster of their own, of the same file.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE roster_rebuilt (
    id INTEGER PRIMARY KEY,                                -- identity
    original_id INTEGER NOT NULL REFERENCES original (id), -- the file
    received_at INTEGER NOT NULL,                          -- first arrival of that file (UTC, epoch ms)
    row_count INTEGER NOT NULL                             -- number of rows
);
INSERT INTO roster_rebuilt SELECT id, original_id, received_at, row_count FROM roster;
DROP TABLE roster;
ALTER TABLE roster_rebuilt RENAME TO roster;
CREATE INDEX roster_original ON roster (original_id);
CREATE TRIGGER roster_unchanged BEFORE UPDATE ON roster BEGIN SELECT RAISE(ABORT, 'roster is append only'); END;
CREATE TRIGGER roster_undeleted BEFORE DELETE ON roster BEGIN SELECT RAISE(ABORT, 'roster is append only'); END;

-- Every version of every plan: of those of one prison, year and addition the last received counts.
CREATE TABLE plan (
    id INTEGER PRIMARY KEY,                                -- order of reading
    original_id INTEGER NOT NULL REFERENCES original (id), -- the planning workbook
    received_at INTEGER NOT NULL,                          -- first arrival of that file (UTC, epoch ms)
    prison TEXT NOT NULL,                                  -- full name
    plan_year INTEGER NOT NULL,                            -- the year that is planned
    addition INTEGER NOT NULL,                             -- 0 for the yearly plan, else the number of the addition (临时备案)
    content_hash BLOB NOT NULL,                            -- keyed hash of what it says, wherever it stands in the file
    roster_id INTEGER REFERENCES roster (id),              -- its persons, if it has any
    sealed BLOB NOT NULL                                   -- the plan, sealed
);
CREATE INDEX plan_key ON plan (plan_year, prison, addition);

-- Compiled plans: immutable.
CREATE TABLE city_plan (
    id INTEGER PRIMARY KEY,       -- order of sealing
    number TEXT NOT NULL UNIQUE,  -- JH-<year>-<version>, LB-<year>-<prison>-<addition>-<version>
    plan_year INTEGER NOT NULL,   -- the year that is planned
    scope TEXT NOT NULL,          -- year, or <prison>/<number> of an addition
    version INTEGER NOT NULL,     -- 1, 2, 3 ... per year and scope, without a gap
    sealed_at INTEGER NOT NULL,   -- when (UTC, epoch ms)
    persons INTEGER NOT NULL,     -- distinct persons of annex 3
    projects INTEGER NOT NULL,    -- rows of annex 2
    heads INTEGER NOT NULL,       -- heads of annex 2
    classes INTEGER NOT NULL,     -- forms of annex 4
    budget_fen INTEGER NOT NULL,  -- budget of annex 2
    lines_sha256 TEXT NOT NULL,   -- SHA-256 over the canonical lines, hex
    missing TEXT NOT NULL,        -- what was missing when it was closed, JSON; an empty list where all was in
    reason BLOB,                  -- why it was closed before all was in, sealed
    by_whom BLOB,                 -- who closed it, sealed
    audit_count INTEGER NOT NULL, -- audit entries at the time of the draft, as printed
    audit_head TEXT NOT NULL,     -- audit head at the time of the draft, hex, as printed
    UNIQUE (plan_year, scope, version)
);

-- The plans that a compiled plan was made from.
CREATE TABLE city_plan_part (
    city_plan_id INTEGER NOT NULL REFERENCES city_plan (id), -- the compiled plan
    position INTEGER NOT NULL,                               -- order of the prisons, from 0
    plan_id INTEGER NOT NULL REFERENCES plan (id),           -- the plan
    PRIMARY KEY (city_plan_id, position)
);

-- The papers of a compiled plan.
CREATE TABLE city_plan_paper (
    city_plan_id INTEGER NOT NULL REFERENCES city_plan (id), -- the compiled plan
    position INTEGER NOT NULL,                               -- order, from 0
    name TEXT NOT NULL,                                      -- path within the packet, without personal data
    kind TEXT NOT NULL,                                      -- what it is
    personal INTEGER NOT NULL,                               -- 1 if it holds personal data
    sha256 TEXT NOT NULL REFERENCES blob (sha256),           -- its bytes
    length INTEGER NOT NULL,                                 -- bytes
    PRIMARY KEY (city_plan_id, position),
    UNIQUE (city_plan_id, name)
);
CREATE INDEX city_plan_paper_blob ON city_plan_paper (sha256);

-- Deliveries that carry a compiled plan.
CREATE TABLE city_plan_delivery (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery (id), -- the delivery
    city_plan_id INTEGER NOT NULL REFERENCES city_plan (id)   -- the compiled plan
);

CREATE TRIGGER plan_unchanged BEFORE UPDATE ON plan BEGIN SELECT RAISE(ABORT, 'plan is append only'); END;
CREATE TRIGGER city_plan_unchanged BEFORE UPDATE ON city_plan BEGIN SELECT RAISE(ABORT, 'city_plan is append only'); END;
CREATE TRIGGER city_plan_part_unchanged BEFORE UPDATE ON city_plan_part BEGIN SELECT RAISE(ABORT, 'city_plan_part is append only'); END;
CREATE TRIGGER city_plan_paper_unchanged BEFORE UPDATE ON city_plan_paper BEGIN SELECT RAISE(ABORT, 'city_plan_paper is append only'); END;
CREATE TRIGGER city_plan_delivery_unchanged BEFORE UPDATE ON city_plan_delivery BEGIN SELECT RAISE(ABORT, 'city_plan_delivery is append only'); END;
CREATE TRIGGER plan_undeleted BEFORE DELETE ON plan BEGIN SELECT RAISE(ABORT, 'plan is append only'); END;
CREATE TRIGGER city_plan_undeleted BEFORE DELETE ON city_plan BEGIN SELECT RAISE(ABORT, 'city_plan is append only'); END;
CREATE TRIGGER city_plan_part_undeleted BEFORE DELETE ON city_plan_part BEGIN SELECT RAISE(ABORT, 'city_plan_part is append only'); END;
CREATE TRIGGER city_plan_paper_undeleted BEFORE DELETE ON city_plan_paper BEGIN SELECT RAISE(ABORT, 'city_plan_paper is append only'); END;
CREATE TRIGGER city_plan_delivery_undeleted BEFORE DELETE ON city_plan_delivery BEGIN SELECT RAISE(ABORT, 'city_plan_delivery is append only'); END;
