-- Decisions of the operator: imports withdrawn, what was set aside decided, rules waived.

-- What a file brought at one arrival, withdrawn (import undo): its rows count no more, unless another file says them too.
CREATE TABLE withdrawal (
    original_id INTEGER NOT NULL REFERENCES original (id), -- the file
    received_at INTEGER NOT NULL,                          -- which arrival of it (UTC, epoch ms)
    reason BLOB NOT NULL,                                  -- why, sealed
    by_whom BLOB NOT NULL,                                 -- who, sealed
    at INTEGER NOT NULL,                                   -- when (UTC, epoch ms)
    PRIMARY KEY (original_id, received_at)
);

-- Arrivals of the same bytes after a withdrawal: they are taken anew, in the order of versions by this arrival.
CREATE TABLE readmission (
    original_id INTEGER NOT NULL REFERENCES original (id), -- the file
    received_at INTEGER NOT NULL,                          -- this arrival (UTC, epoch ms)
    PRIMARY KEY (original_id, received_at)
);

-- Rows that were known when a file brought them: which file says them too. No foreign keys, as in batch_line.
CREATE TABLE said_again (
    part TEXT NOT NULL,           -- result, survey, history or plan
    row_id INTEGER NOT NULL,      -- the version or row
    original_id INTEGER NOT NULL, -- the file that says it too
    received_at INTEGER NOT NULL, -- which arrival of that file (UTC, epoch ms)
    PRIMARY KEY (part, row_id, original_id, received_at)
) WITHOUT ROWID;
INSERT INTO said_again SELECT 'result', id, seen_in, seen_at FROM assessment_version WHERE seen_in <> original_id;
INSERT INTO said_again SELECT 'survey', id, seen_in, seen_at FROM survey_row WHERE seen_in <> original_id;

-- A row of the opening history that was withdrawn may come again.
ALTER TABLE history_row ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0; -- the arrival of that file (UTC, epoch ms)
CREATE TABLE history_row_rebuilt (
    id INTEGER PRIMARY KEY,        -- identity
    content_hash BLOB NOT NULL,    -- keyed hash of the content: a repeated row is a duplicate
    original_id INTEGER NOT NULL,  -- the file that it came from
    sealed BLOB NOT NULL,          -- the row, sealed
    received_at INTEGER NOT NULL   -- the arrival of that file (UTC, epoch ms)
);
INSERT INTO history_row_rebuilt SELECT h.id, h.content_hash, h.original_id, h.sealed, o.received_at
    FROM history_row h JOIN original o ON o.id = h.original_id;
DROP TABLE history_row;
ALTER TABLE history_row_rebuilt RENAME TO history_row;
CREATE INDEX history_row_content ON history_row (content_hash);
CREATE TRIGGER history_row_unchanged BEFORE UPDATE ON history_row BEGIN SELECT RAISE(ABORT, 'history_row is append only'); END;
CREATE TRIGGER history_row_undeleted BEFORE DELETE ON history_row BEGIN SELECT RAISE(ABORT, 'history_row is append only'); END;

-- What was decided about a file of which something came back.
CREATE TABLE tray_decision (
    id INTEGER PRIMARY KEY,                                -- order of deciding
    original_id INTEGER NOT NULL REFERENCES original (id), -- the file
    read_at INTEGER NOT NULL,                              -- about which reading of it (UTC, epoch ms)
    act TEXT NOT NULL,                                     -- taken (as another kind), settled or refused
    kind TEXT,                                             -- taken as which kind
    reason BLOB NOT NULL,                                  -- why, sealed
    by_whom BLOB NOT NULL,                                 -- who, sealed
    at INTEGER NOT NULL                                    -- when (UTC, epoch ms)
);
CREATE INDEX tray_decision_of ON tray_decision (original_id);

-- Waivers (豁免) of a rule that holds, for one assessment.
CREATE TABLE waiver (
    id INTEGER PRIMARY KEY,         -- 1, 2, 3 ...
    assessment_id INTEGER NOT NULL, -- the assessment
    rule TEXT NOT NULL,             -- code of the rule
    from_on TEXT NOT NULL,          -- first claim date for which it counts
    until_on TEXT NOT NULL,         -- last claim date for which it counts
    reason BLOB NOT NULL,           -- why, sealed
    by_whom BLOB NOT NULL,          -- who, sealed
    at INTEGER NOT NULL             -- when (UTC, epoch ms)
);

-- Waivers that were ended before their last day.
CREATE TABLE waiver_end (
    waiver_id INTEGER PRIMARY KEY REFERENCES waiver (id), -- the waiver
    ended_on TEXT NOT NULL,                               -- first claim date for which it counts no more
    reason BLOB NOT NULL,                                 -- why, sealed
    by_whom BLOB NOT NULL,                                -- who, sealed
    at INTEGER NOT NULL                                   -- when (UTC, epoch ms)
);

-- The waivers on which lines of a sealed batch rest.
CREATE TABLE batch_waiver (
    batch_id INTEGER NOT NULL REFERENCES batch (id),   -- the batch
    line INTEGER NOT NULL,                             -- number of the line
    waiver_id INTEGER NOT NULL REFERENCES waiver (id), -- the waiver
    PRIMARY KEY (batch_id, line, waiver_id)
);

-- The arrival of each file that counts: the last one.
CREATE VIEW arrival AS
SELECT o.id AS original_id,
    COALESCE((SELECT MAX(r.received_at) FROM readmission r WHERE r.original_id = o.id), o.received_at) AS received_at
FROM original o;
-- Each file as it stands: by that arrival, withdrawn or not, decided or not.
CREATE VIEW arrived AS
SELECT o.id, o.sha256, a.received_at, o.read_at, o.name, o.length, o.kind, o.set_aside, o.errors, o.counts, o.report,
    (SELECT COUNT(*) FROM withdrawal w WHERE w.original_id = o.id AND w.received_at = a.received_at) AS withdrawn,
    (SELECT COUNT(*) FROM tray_decision d
        WHERE d.original_id = o.id AND d.read_at = o.read_at AND d.act <> 'taken') AS decided
FROM original o JOIN arrival a ON a.original_id = o.id;
-- Rows that a file says too which is not withdrawn; and rows that no file says any more.
CREATE VIEW still_said AS
SELECT s.part, s.row_id, s.original_id, s.received_at FROM said_again s WHERE NOT EXISTS (
    SELECT 1 FROM withdrawal w WHERE w.original_id = s.original_id AND w.received_at = s.received_at);
CREATE VIEW withdrawn_version AS
SELECT v.id FROM assessment_version v JOIN withdrawal w ON w.original_id = v.original_id AND w.received_at = v.received_at
WHERE NOT EXISTS (SELECT 1 FROM still_said s WHERE s.part = 'result' AND s.row_id = v.id);
CREATE VIEW withdrawn_survey AS
SELECT v.id FROM survey_row v JOIN withdrawal w ON w.original_id = v.original_id AND w.received_at = v.received_at
WHERE NOT EXISTS (SELECT 1 FROM still_said s WHERE s.part = 'survey' AND s.row_id = v.id);
CREATE VIEW withdrawn_history AS
SELECT h.id FROM history_row h JOIN withdrawal w ON w.original_id = h.original_id AND w.received_at = h.received_at
WHERE NOT EXISTS (SELECT 1 FROM still_said s WHERE s.part = 'history' AND s.row_id = h.id);
CREATE VIEW withdrawn_roster AS
SELECT r.id FROM roster r JOIN withdrawal w ON w.original_id = r.original_id AND w.received_at = r.received_at;
CREATE VIEW withdrawn_plan AS
SELECT p.id FROM plan p JOIN withdrawal w ON w.original_id = p.original_id AND w.received_at = p.received_at;

CREATE TRIGGER withdrawal_unchanged BEFORE UPDATE ON withdrawal BEGIN SELECT RAISE(ABORT, 'withdrawal is append only'); END;
CREATE TRIGGER readmission_unchanged BEFORE UPDATE ON readmission BEGIN SELECT RAISE(ABORT, 'readmission is append only'); END;
CREATE TRIGGER said_again_unchanged BEFORE UPDATE ON said_again BEGIN SELECT RAISE(ABORT, 'said_again is append only'); END;
CREATE TRIGGER tray_decision_unchanged BEFORE UPDATE ON tray_decision BEGIN SELECT RAISE(ABORT, 'tray_decision is append only'); END;
CREATE TRIGGER waiver_unchanged BEFORE UPDATE ON waiver BEGIN SELECT RAISE(ABORT, 'waiver is append only'); END;
CREATE TRIGGER waiver_end_unchanged BEFORE UPDATE ON waiver_end BEGIN SELECT RAISE(ABORT, 'waiver_end is append only'); END;
CREATE TRIGGER batch_waiver_unchanged BEFORE UPDATE ON batch_waiver BEGIN SELECT RAISE(ABORT, 'batch_waiver is append only'); END;
CREATE TRIGGER withdrawal_undeleted BEFORE DELETE ON withdrawal BEGIN SELECT RAISE(ABORT, 'withdrawal is append only'); END;
CREATE TRIGGER readmission_undeleted BEFORE DELETE ON readmission BEGIN SELECT RAISE(ABORT, 'readmission is append only'); END;
CREATE TRIGGER said_again_undeleted BEFORE DELETE ON said_again BEGIN SELECT RAISE(ABORT, 'said_again is append only'); END;
CREATE TRIGGER tray_decision_undeleted BEFORE DELETE ON tray_decision BEGIN SELECT RAISE(ABORT, 'tray_decision is append only'); END;
CREATE TRIGGER waiver_undeleted BEFORE DELETE ON waiver BEGIN SELECT RAISE(ABORT, 'waiver is append only'); END;
CREATE TRIGGER waiver_end_undeleted BEFORE DELETE ON waiver_end BEGIN SELECT RAISE(ABORT, 'waiver_end is append only'); END;
CREATE TRIGGER batch_waiver_undeleted BEFORE DELETE ON batch_waiver BEGIN SELECT RAISE(ABORT, 'batch_waiver is append only'); END;
