-- Plans (附件1-4): what planning workbooks said, and the compiled plan of the city.

-- A file that is read again under a mended catalogue brings further rows: a roster of their own, of the same file.
ALTER TABLE roster DROP CONSTRAINT roster_original_id_key;
CREATE INDEX roster_original ON roster (original_id);

-- Every version of every plan: of those of one prison, year and addition the last received counts.
CREATE TABLE plan (
    id BIGINT PRIMARY KEY,                                -- order of reading
    original_id BIGINT NOT NULL REFERENCES original (id), -- the planning workbook
    received_at BIGINT NOT NULL,                          -- first arrival of that file (UTC, epoch ms)
    prison TEXT NOT NULL,                                 -- full name
    plan_year BIGINT NOT NULL,                            -- the year that is planned
    addition BIGINT NOT NULL,                             -- 0 for the yearly plan, else the number of the addition (临时备案)
    content_hash BYTEA NOT NULL,                          -- keyed hash of what it says, wherever it stands in the file
    roster_id BIGINT REFERENCES roster (id),              -- its persons, if it has any
    sealed BYTEA NOT NULL                                 -- the plan, sealed
);
CREATE INDEX plan_key ON plan (plan_year, prison, addition);

-- Compiled plans: immutable.
CREATE TABLE city_plan (
    id BIGINT PRIMARY KEY,       -- order of sealing
    number TEXT NOT NULL UNIQUE, -- JH-<year>-<version>, LB-<year>-<prison>-<addition>-<version>
    plan_year BIGINT NOT NULL,   -- the year that is planned
    scope TEXT NOT NULL,         -- year, or <prison>/<number> of an addition
    version BIGINT NOT NULL,     -- 1, 2, 3 ... per year and scope, without a gap
    sealed_at BIGINT NOT NULL,   -- when (UTC, epoch ms)
    persons BIGINT NOT NULL,     -- distinct persons of annex 3
    projects BIGINT NOT NULL,    -- rows of annex 2
    heads BIGINT NOT NULL,       -- heads of annex 2
    classes BIGINT NOT NULL,     -- forms of annex 4
    budget_fen BIGINT NOT NULL,  -- budget of annex 2
    lines_sha256 TEXT NOT NULL,  -- SHA-256 over the canonical lines, hex
    missing TEXT NOT NULL,       -- what was missing when it was closed, JSON; an empty list where all was in
    reason BYTEA,                -- why it was closed before all was in, sealed
    by_whom BYTEA,               -- who closed it, sealed
    audit_count BIGINT NOT NULL, -- audit entries at the time of the draft, as printed
    audit_head TEXT NOT NULL,    -- audit head at the time of the draft, hex, as printed
    UNIQUE (plan_year, scope, version)
);

-- The plans that a compiled plan was made from.
CREATE TABLE city_plan_part (
    city_plan_id BIGINT NOT NULL REFERENCES city_plan (id), -- the compiled plan
    position BIGINT NOT NULL,                               -- order of the prisons, from 0
    plan_id BIGINT NOT NULL REFERENCES plan (id),           -- the plan
    PRIMARY KEY (city_plan_id, position)
);

-- The papers of a compiled plan.
CREATE TABLE city_plan_paper (
    city_plan_id BIGINT NOT NULL REFERENCES city_plan (id), -- the compiled plan
    position BIGINT NOT NULL,                               -- order, from 0
    name TEXT NOT NULL,                                     -- path within the packet, without personal data
    kind TEXT NOT NULL,                                     -- what it is
    personal BIGINT NOT NULL,                               -- 1 if it holds personal data
    sha256 TEXT NOT NULL REFERENCES blob (sha256),          -- its bytes
    length BIGINT NOT NULL,                                 -- bytes
    PRIMARY KEY (city_plan_id, position),
    UNIQUE (city_plan_id, name)
);
CREATE INDEX city_plan_paper_blob ON city_plan_paper (sha256);

-- Deliveries that carry a compiled plan.
CREATE TABLE city_plan_delivery (
    delivery_id BIGINT PRIMARY KEY REFERENCES delivery (id), -- the delivery
    city_plan_id BIGINT NOT NULL REFERENCES city_plan (id)   -- the compiled plan
);

CREATE TRIGGER plan_unchanged BEFORE UPDATE ON plan FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_unchanged BEFORE UPDATE ON city_plan FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_part_unchanged BEFORE UPDATE ON city_plan_part FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_paper_unchanged BEFORE UPDATE ON city_plan_paper FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_delivery_unchanged BEFORE UPDATE ON city_plan_delivery FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER plan_undeleted BEFORE DELETE OR TRUNCATE ON plan FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_undeleted BEFORE DELETE OR TRUNCATE ON city_plan FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_part_undeleted BEFORE DELETE OR TRUNCATE ON city_plan_part FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_paper_undeleted BEFORE DELETE OR TRUNCATE ON city_plan_paper FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER city_plan_delivery_undeleted BEFORE DELETE OR TRUNCATE ON city_plan_delivery FOR EACH STATEMENT EXECUTE FUNCTION append_only();
