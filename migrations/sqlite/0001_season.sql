-- Tables of the store, SQLite. The PostgreSQL schema has the same tables and columns.

-- The lock under every change, and the state of the whole: exactly one row.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY CHECK (id = 1), -- always 1
    audit_count INTEGER NOT NULL,          -- number of audit entries
    audit_head BLOB NOT NULL,              -- mac of the last audit entry; 32 zero bytes before the first
    facts_version INTEGER NOT NULL,        -- rises with every change of what is judged
    mac BLOB NOT NULL,                     -- signs audit_count, audit_head and facts_version
    key_check BLOB NOT NULL                -- signs a constant: tells another master key
);

-- The audit log: a chain of signed entries, append only.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, -- 1, 2, 3 ... without a gap
    at INTEGER NOT NULL,     -- instant of the act (UTC, epoch ms)
    act TEXT NOT NULL,       -- what was done, e.g. batch.sealed
    subject TEXT NOT NULL,   -- to what, e.g. a batch number
    detail TEXT NOT NULL,    -- JSON, without personal data
    prev BLOB NOT NULL,      -- mac of the entry before; 32 zero bytes for the first
    mac BLOB NOT NULL        -- HMAC-SHA256 over all columns above
);

-- Every file that arrived, before anybody read it.
CREATE TABLE original (
    id INTEGER PRIMARY KEY,       -- 1, 2, 3 ... in order of arrival
    sha256 TEXT NOT NULL UNIQUE,  -- SHA-256 of the plain bytes, hex: the same bytes are one original
    received_at INTEGER NOT NULL, -- first arrival (UTC, epoch ms); orders versions
    name BLOB NOT NULL,           -- file name at first arrival, sealed
    length INTEGER NOT NULL,      -- bytes
    read_at INTEGER,              -- when it was taken in; empty while it waits
    kind TEXT,                    -- results, roster, history, survey or unknown, once read
    set_aside INTEGER,            -- rows that came back, once read
    errors INTEGER,               -- findings of severity error, once read
    counts TEXT,                  -- all figures of the report, JSON, once read
    report BLOB                   -- the report's text, sealed, once read
);
CREATE INDEX original_waiting ON original (id) WHERE read_at IS NULL;

-- The bytes of an original, apart so that lists stay small.
CREATE TABLE original_bytes (
    original_id INTEGER PRIMARY KEY REFERENCES original (id), -- whose bytes
    sealed BLOB NOT NULL                                      -- the bytes, sealed
);

-- Every version of every assessment (考核评价结果).
CREATE TABLE assessment_version (
    id INTEGER PRIMARY KEY,         -- identity of the version
    assessment_id INTEGER NOT NULL, -- identity of the assessment: id of its first version
    key_hash BLOB NOT NULL,         -- keyed hash of prison, prisoner number, occupation, level, class, assessment date
    original_id INTEGER NOT NULL,   -- the file that it came from
    sheet_no INTEGER NOT NULL,      -- sheet in that file, from 0
    row_no INTEGER NOT NULL,        -- row in that sheet, from 1
    received_at INTEGER NOT NULL,   -- first arrival of that file (UTC, epoch ms)
    seen_at INTEGER NOT NULL,       -- first arrival of the last file that said the same, with no other version between
    seen_in INTEGER NOT NULL,       -- that file
    content_hash BLOB NOT NULL,     -- keyed hash of the content: equal for equal rows
    certificate_hash BLOB,          -- keyed hash of the normalised certificate number
    person_hash BLOB NOT NULL,      -- keyed hash of prison and prisoner number
    live INTEGER NOT NULL,          -- 1 for the version with the greatest (seen_at, seen_in), else 0
    sealed BLOB NOT NULL            -- the row, sealed
);
CREATE INDEX assessment_version_key ON assessment_version (key_hash);
CREATE INDEX assessment_version_certificate ON assessment_version (certificate_hash) WHERE certificate_hash IS NOT NULL;
CREATE INDEX assessment_version_person ON assessment_version (person_hash);

-- A roster (培训人员信息表): one file.
CREATE TABLE roster (
    id INTEGER PRIMARY KEY,                                       -- identity
    original_id INTEGER NOT NULL UNIQUE REFERENCES original (id), -- the file
    received_at INTEGER NOT NULL,                                 -- first arrival of that file (UTC, epoch ms)
    row_count INTEGER NOT NULL                                    -- number of rows
);

-- The rows of a roster, many to a block: they are only ever read together.
CREATE TABLE roster_block (
    roster_id INTEGER NOT NULL REFERENCES roster (id), -- whose rows
    position INTEGER NOT NULL,                         -- place of the block's first row in the roster, from 0
    row_count INTEGER NOT NULL,                        -- rows in the block
    sealed BLOB NOT NULL,                              -- fingerprints and rows, sealed
    PRIMARY KEY (roster_id, position)
);

-- Approvals (核准) of rosters: the newest counts, all stay.
CREATE TABLE roster_approval (
    id INTEGER PRIMARY KEY,                            -- order of registration
    roster_id INTEGER NOT NULL REFERENCES roster (id), -- the roster
    approved_on TEXT NOT NULL,                         -- day of the approval
    by_whom BLOB NOT NULL,                             -- who approved, sealed
    plan_year INTEGER NOT NULL,                        -- year whose courses it covers
    at INTEGER NOT NULL                                -- when it was registered (UTC, epoch ms)
);

-- The opening history: grants from before this program ran.
CREATE TABLE history_row (
    id INTEGER PRIMARY KEY,            -- identity
    content_hash BLOB NOT NULL UNIQUE, -- keyed hash of the content: a repeated row is a duplicate
    original_id INTEGER NOT NULL,      -- the file that it came from
    sealed BLOB NOT NULL               -- the row, sealed
);

-- The yearly survey (摸排): every version of every person's row.
CREATE TABLE survey_row (
    id INTEGER PRIMARY KEY,       -- identity of the version
    key_hash BLOB NOT NULL,       -- keyed hash of prison and prisoner number
    original_id INTEGER NOT NULL, -- the file that it came from
    received_at INTEGER NOT NULL, -- first arrival of that file (UTC, epoch ms)
    seen_at INTEGER NOT NULL,     -- as in assessment_version
    seen_in INTEGER NOT NULL,     -- as in assessment_version
    content_hash BLOB NOT NULL,   -- keyed hash of the content
    live INTEGER NOT NULL,        -- 1 for the newest version, else 0
    sealed BLOB NOT NULL          -- the row, sealed
);
CREATE INDEX survey_row_key ON survey_row (key_hash);

-- The last calculation; the former one is replaced.
CREATE TABLE verdict_run (
    id INTEGER PRIMARY KEY,         -- 1, 2, 3 ...
    run_at INTEGER NOT NULL,        -- when (UTC, epoch ms)
    claim_on TEXT NOT NULL,         -- for which claim date
    catalogue_sha256 TEXT NOT NULL, -- by which catalogue
    facts_version INTEGER NOT NULL  -- on which facts (ledger)
);

-- Its verdicts, many to a block; they name assessments by their id only.
CREATE TABLE verdict_block (
    run_id INTEGER NOT NULL REFERENCES verdict_run (id), -- the calculation
    position INTEGER NOT NULL,                           -- place of the block's first verdict, from 0
    content BLOB NOT NULL,                               -- verdicts (postcard)
    PRIMARY KEY (run_id, position)
);

-- Rendered papers by the SHA-256 of their plain bytes.
CREATE TABLE blob (
    sha256 TEXT PRIMARY KEY,     -- SHA-256 of the plain bytes, hex
    length INTEGER NOT NULL,     -- bytes
    created_at INTEGER NOT NULL, -- when it was last put (UTC, epoch ms): young ones are never swept
    sealed BLOB NOT NULL         -- the bytes, sealed
);

-- Sealed batches (申领批次): immutable.
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,       -- order of sealing, from 1
    number TEXT NOT NULL UNIQUE,  -- CZ-<period>-<serial>
    period TEXT NOT NULL,         -- e.g. 2026-Q4
    serial INTEGER NOT NULL,      -- 1, 2, 3 ... per period, without a gap
    claim_on TEXT NOT NULL,       -- claim date
    sealed_at INTEGER NOT NULL,   -- when (UTC, epoch ms)
    persons INTEGER NOT NULL,     -- distinct persons over both kinds
    lines INTEGER NOT NULL,       -- number of lines
    refusals INTEGER NOT NULL,    -- entries on the refusal list
    sum_fen INTEGER NOT NULL,     -- sum of all amounts
    lines_sha256 TEXT NOT NULL,   -- SHA-256 over the canonical lines, hex
    previous TEXT,                -- the live batch before it
    audit_count INTEGER NOT NULL, -- audit entries at the time of the draft, as printed
    audit_head TEXT NOT NULL,     -- audit head at the time of the draft, hex, as printed
    UNIQUE (period, serial)
);

-- Batches that do not count any more.
CREATE TABLE batch_void (
    batch_id INTEGER PRIMARY KEY REFERENCES batch (id), -- the batch
    reason BLOB NOT NULL,                               -- why, sealed
    by_whom BLOB NOT NULL,                              -- who, sealed
    at INTEGER NOT NULL                                 -- when (UTC, epoch ms)
);

-- The lines of a batch: what SQL looks for. No foreign keys: on PostgreSQL each would cost a look-up per line.
CREATE TABLE batch_line (
    batch_id INTEGER NOT NULL,      -- the batch
    line INTEGER NOT NULL,          -- number in the batch, from 1
    kind TEXT NOT NULL,             -- training or assessment
    assessment_id INTEGER NOT NULL, -- the assessment
    version_id INTEGER NOT NULL,    -- the version that was judged
    amount_fen INTEGER NOT NULL,    -- amount; negative for a reversal
    reverses_batch_id INTEGER,      -- batch of the line that this one takes back
    reverses_line INTEGER,          -- that line
    PRIMARY KEY (batch_id, line)
) WITHOUT ROWID;
CREATE INDEX batch_line_assessment ON batch_line (assessment_id);
CREATE INDEX batch_line_reverses ON batch_line (reverses_batch_id, reverses_line) WHERE reverses_batch_id IS NOT NULL;

-- The refusal list of a batch (不予核定清单): what SQL looks for.
CREATE TABLE batch_refusal (
    batch_id INTEGER NOT NULL,      -- the batch
    number INTEGER NOT NULL,        -- number on the list, from 1
    kind TEXT NOT NULL,             -- training or assessment
    assessment_id INTEGER NOT NULL, -- the assessment
    version_id INTEGER NOT NULL,    -- the version that was judged
    outcome TEXT NOT NULL,          -- denied or held
    rules INTEGER NOT NULL,         -- failing rules and warnings, one bit each
    settles INTEGER NOT NULL,       -- 1 if it settles the assessment and kind
    PRIMARY KEY (batch_id, number)
) WITHOUT ROWID;

-- Everything that a batch says of its lines and refusals, many to a block: they are only ever read together.
CREATE TABLE batch_block (
    batch_id INTEGER NOT NULL REFERENCES batch (id), -- the batch
    part TEXT NOT NULL,                              -- lines or refusals
    position INTEGER NOT NULL,                       -- place of the block's first entry, from 0
    sealed BLOB NOT NULL,                            -- the entries, sealed
    PRIMARY KEY (batch_id, part, position)
);

-- Netting per prison, institution and kind.
CREATE TABLE batch_balance (
    batch_id INTEGER NOT NULL REFERENCES batch (id), -- the batch
    position INTEGER NOT NULL,                       -- order, from 0
    prison TEXT NOT NULL,                            -- full name
    institution TEXT NOT NULL,                       -- full name
    kind TEXT NOT NULL,                              -- training or assessment
    persons INTEGER NOT NULL,                        -- distinct persons on positive lines
    granted_fen INTEGER NOT NULL,                    -- sum of positive lines
    reversed_fen INTEGER NOT NULL,                   -- sum of reversal lines (zero or negative)
    carried_in_fen INTEGER NOT NULL,                 -- carried from earlier batches
    payable_fen INTEGER NOT NULL,                    -- to be paid now, never negative
    carried_out_fen INTEGER NOT NULL,                -- carried to the next batch
    PRIMARY KEY (batch_id, position)
);

-- The papers of a batch.
CREATE TABLE batch_paper (
    batch_id INTEGER NOT NULL REFERENCES batch (id), -- the batch
    position INTEGER NOT NULL,                       -- order, from 0
    name TEXT NOT NULL,                              -- path within the packet, without personal data
    kind TEXT NOT NULL,                              -- what it is
    personal INTEGER NOT NULL,                       -- 1 if it holds personal data
    sha256 TEXT NOT NULL REFERENCES blob (sha256),   -- its bytes
    length INTEGER NOT NULL,                         -- bytes
    PRIMARY KEY (batch_id, position),
    UNIQUE (batch_id, name)
);
CREATE INDEX batch_paper_blob ON batch_paper (sha256);

-- Reversals (更正/追回) that were asked for; a line is taken back once.
CREATE TABLE reversal (
    batch_id INTEGER NOT NULL REFERENCES batch (id), -- batch of the line
    line INTEGER NOT NULL,                           -- the line
    reason BLOB NOT NULL,                            -- why, sealed
    by_whom BLOB NOT NULL,                           -- who asked, sealed
    at INTEGER NOT NULL,                             -- when (UTC, epoch ms)
    PRIMARY KEY (batch_id, line)
);

-- Settled refusals and reversed grants that a person reopened.
CREATE TABLE reopening (
    batch_id INTEGER NOT NULL REFERENCES batch (id), -- batch of the refusal, or of the reversal line
    refusal INTEGER NOT NULL,                        -- 1: a refusal, 0: a reversal line
    number INTEGER NOT NULL,                         -- number of that refusal or line
    assessment_id INTEGER NOT NULL,                  -- the assessment
    kind TEXT NOT NULL,                              -- training or assessment
    reason BLOB NOT NULL,                            -- why, sealed
    by_whom BLOB NOT NULL,                           -- who, sealed
    at INTEGER NOT NULL,                             -- when (UTC, epoch ms)
    PRIMARY KEY (batch_id, refusal, number)
);

-- What is to leave, to whom, and what came of it.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,                 -- order of queueing
    key TEXT NOT NULL UNIQUE,               -- unique for ever; the Message-ID is made from it
    recipient TEXT NOT NULL,                -- the recipient's name in the settings
    batch_id INTEGER REFERENCES batch (id), -- the batch, if it carries one
    created_at INTEGER NOT NULL,            -- when it was queued (UTC, epoch ms)
    state TEXT NOT NULL,                    -- due, sending, done, aside (a person must look) or withdrawn (batch void)
    due_at INTEGER NOT NULL,                -- not before (UTC, epoch ms)
    lease_until INTEGER,                    -- while sending: when the lease runs out (UTC, epoch ms)
    attempts INTEGER NOT NULL,              -- attempts begun
    resend INTEGER NOT NULL,                -- 1 if an attempt is in doubt: goes out marked 重发
    answer BLOB,                            -- the last answer, sealed
    done_at INTEGER                         -- when it was accepted (UTC, epoch ms)
);
CREATE INDEX delivery_state ON delivery (state, due_at);

-- The packet of a delivery, as it leaves: stored once, sent again as stored.
CREATE TABLE delivery_file (
    delivery_id INTEGER NOT NULL REFERENCES delivery (id), -- the delivery
    position INTEGER NOT NULL,                             -- order, from 0; the manifest is last
    name TEXT NOT NULL,                                    -- file name, without personal data
    sha256 TEXT NOT NULL,                                  -- SHA-256 of the bytes, hex
    sealed BLOB NOT NULL,                                  -- the bytes, sealed
    PRIMARY KEY (delivery_id, position)
);

-- Seals: what is written stays as written.
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append only'); END;
CREATE TRIGGER original_bytes_unchanged BEFORE UPDATE ON original_bytes BEGIN SELECT RAISE(ABORT, 'original_bytes is append only'); END;
CREATE TRIGGER roster_unchanged BEFORE UPDATE ON roster BEGIN SELECT RAISE(ABORT, 'roster is append only'); END;
CREATE TRIGGER roster_block_unchanged BEFORE UPDATE ON roster_block BEGIN SELECT RAISE(ABORT, 'roster_block is append only'); END;
CREATE TRIGGER roster_approval_unchanged BEFORE UPDATE ON roster_approval BEGIN SELECT RAISE(ABORT, 'roster_approval is append only'); END;
CREATE TRIGGER history_row_unchanged BEFORE UPDATE ON history_row BEGIN SELECT RAISE(ABORT, 'history_row is append only'); END;
CREATE TRIGGER batch_unchanged BEFORE UPDATE ON batch BEGIN SELECT RAISE(ABORT, 'batch is append only'); END;
CREATE TRIGGER batch_void_unchanged BEFORE UPDATE ON batch_void BEGIN SELECT RAISE(ABORT, 'batch_void is append only'); END;
CREATE TRIGGER batch_line_unchanged BEFORE UPDATE ON batch_line BEGIN SELECT RAISE(ABORT, 'batch_line is append only'); END;
CREATE TRIGGER batch_refusal_unchanged BEFORE UPDATE ON batch_refusal BEGIN SELECT RAISE(ABORT, 'batch_refusal is append only'); END;
CREATE TRIGGER batch_block_unchanged BEFORE UPDATE ON batch_block BEGIN SELECT RAISE(ABORT, 'batch_block is append only'); END;
CREATE TRIGGER batch_balance_unchanged BEFORE UPDATE ON batch_balance BEGIN SELECT RAISE(ABORT, 'batch_balance is append only'); END;
CREATE TRIGGER batch_paper_unchanged BEFORE UPDATE ON batch_paper BEGIN SELECT RAISE(ABORT, 'batch_paper is append only'); END;
CREATE TRIGGER reversal_unchanged BEFORE UPDATE ON reversal BEGIN SELECT RAISE(ABORT, 'reversal is append only'); END;
CREATE TRIGGER reopening_unchanged BEFORE UPDATE ON reopening BEGIN SELECT RAISE(ABORT, 'reopening is append only'); END;
CREATE TRIGGER delivery_file_unchanged BEFORE UPDATE ON delivery_file BEGIN SELECT RAISE(ABORT, 'delivery_file is append only'); END;
CREATE TRIGGER audit_undeleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append only'); END;
CREATE TRIGGER original_bytes_undeleted BEFORE DELETE ON original_bytes BEGIN SELECT RAISE(ABORT, 'original_bytes is append only'); END;
CREATE TRIGGER roster_undeleted BEFORE DELETE ON roster BEGIN SELECT RAISE(ABORT, 'roster is append only'); END;
CREATE TRIGGER roster_block_undeleted BEFORE DELETE ON roster_block BEGIN SELECT RAISE(ABORT, 'roster_block is append only'); END;
CREATE TRIGGER roster_approval_undeleted BEFORE DELETE ON roster_approval BEGIN SELECT RAISE(ABORT, 'roster_approval is append only'); END;
CREATE TRIGGER history_row_undeleted BEFORE DELETE ON history_row BEGIN SELECT RAISE(ABORT, 'history_row is append only'); END;
CREATE TRIGGER batch_undeleted BEFORE DELETE ON batch BEGIN SELECT RAISE(ABORT, 'batch is append only'); END;
CREATE TRIGGER batch_void_undeleted BEFORE DELETE ON batch_void BEGIN SELECT RAISE(ABORT, 'batch_void is append only'); END;
CREATE TRIGGER batch_line_undeleted BEFORE DELETE ON batch_line BEGIN SELECT RAISE(ABORT, 'batch_line is append only'); END;
CREATE TRIGGER batch_refusal_undeleted BEFORE DELETE ON batch_refusal BEGIN SELECT RAISE(ABORT, 'batch_refusal is append only'); END;
CREATE TRIGGER batch_block_undeleted BEFORE DELETE ON batch_block BEGIN SELECT RAISE(ABORT, 'batch_block is append only'); END;
CREATE TRIGGER batch_balance_undeleted BEFORE DELETE ON batch_balance BEGIN SELECT RAISE(ABORT, 'batch_balance is append only'); END;
CREATE TRIGGER batch_paper_undeleted BEFORE DELETE ON batch_paper BEGIN SELECT RAISE(ABORT, 'batch_paper is append only'); END;
CREATE TRIGGER reversal_undeleted BEFORE DELETE ON reversal BEGIN SELECT RAISE(ABORT, 'reversal is append only'); END;
CREATE TRIGGER reopening_undeleted BEFORE DELETE ON reopening BEGIN SELECT RAISE(ABORT, 'reopening is append only'); END;
CREATE TRIGGER delivery_file_undeleted BEFORE DELETE ON delivery_file BEGIN SELECT RAISE(ABORT, 'delivery_file is append only'); END;
CREATE TRIGGER ledger_undeleted BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'ledger is append only'); END;
CREATE TRIGGER original_undeleted BEFORE DELETE ON original BEGIN SELECT RAISE(ABORT, 'original is append only'); END;
CREATE TRIGGER assessment_version_undeleted BEFORE DELETE ON assessment_version BEGIN SELECT RAISE(ABORT, 'assessment_version is append only'); END;
CREATE TRIGGER survey_row_undeleted BEFORE DELETE ON survey_row BEGIN SELECT RAISE(ABORT, 'survey_row is append only'); END;
CREATE TRIGGER delivery_undeleted BEFORE DELETE ON delivery BEGIN SELECT RAISE(ABORT, 'delivery is append only'); END;
-- Of these only the columns that say what became of them may change.
CREATE TRIGGER assessment_version_content BEFORE UPDATE OF id, assessment_id, key_hash, original_id, sheet_no, row_no, received_at, content_hash, certificate_hash, person_hash, sealed ON assessment_version
BEGIN SELECT RAISE(ABORT, 'the content of assessment_version is append only'); END;
CREATE TRIGGER survey_row_content BEFORE UPDATE OF id, key_hash, original_id, received_at, content_hash, sealed ON survey_row
BEGIN SELECT RAISE(ABORT, 'the content of survey_row is append only'); END;
CREATE TRIGGER original_content BEFORE UPDATE OF id, sha256, received_at, name, length ON original
BEGIN SELECT RAISE(ABORT, 'the content of original is append only'); END;
