-- Mail in: mails that arrived, where they were seen, what they brought, what became of them.

-- Every mail that arrived, before anybody worked on it.
CREATE TABLE received_mail (
    id BIGINT PRIMARY KEY,                     -- 1, 2, 3 ... in order of receipt
    mark BYTEA NOT NULL UNIQUE,                -- keyed hash of Message-ID and parts: the same mail under another UID is one mail
    received_at BIGINT NOT NULL,               -- when it was first seen (UTC, epoch ms); never changes
    bytes BIGINT NOT NULL,                     -- its size, as the server says
    sender_hash BYTEA NOT NULL,                -- keyed hash of the sender's address
    header BYTEA NOT NULL,                     -- sender, subject, Message-ID and what it answers, sealed
    unit TEXT,                                 -- name of the unit that sent it; empty = nobody's
    let_in BIGINT NOT NULL DEFAULT 0,          -- 1 if a person let it in that had been set aside
    fate TEXT,                                 -- what became of it: taken, rehearsed, unopened, stranger ...; empty while it waits
    ended_at BIGINT,                           -- when that was decided (UTC, epoch ms)
    answer_id BIGINT REFERENCES delivery (id), -- the letter that answers it
    about_id BIGINT REFERENCES delivery (id),  -- of a bounce: the delivery that came back
    settled_at BIGINT,                         -- when a person was done with one that was set aside (UTC, epoch ms)
    settled_why BYTEA,                         -- what the person says of it, sealed
    settled_by BYTEA                           -- who, sealed
);
CREATE INDEX received_mail_waiting ON received_mail (id) WHERE fate IS NULL;
CREATE INDEX received_mail_sender ON received_mail (sender_hash, ended_at);

-- Its bytes, apart so that lists stay small.
CREATE TABLE received_mail_bytes (
    mail_id BIGINT PRIMARY KEY REFERENCES received_mail (id), -- whose bytes
    sealed BYTEA NOT NULL                                     -- the mail as it arrived, sealed
);

-- Where a mail was seen: a copy of it has a place of its own.
CREATE TABLE received_place (
    account BYTEA NOT NULL,                                -- keyed hash of server, user and folder
    validity BIGINT NOT NULL,                              -- UIDVALIDITY
    uid BIGINT NOT NULL,                                   -- UID
    mail_id BIGINT NOT NULL REFERENCES received_mail (id), -- the mail
    PRIMARY KEY (account, validity, uid)
);

-- The files of a mail; the original of a part is the one with its SHA-256.
CREATE TABLE received_part (
    mail_id BIGINT NOT NULL REFERENCES received_mail (id), -- the mail
    position BIGINT NOT NULL,                              -- order in it, from 0
    sha256 TEXT NOT NULL,                                  -- SHA-256 of its bytes, hex
    name BYTEA NOT NULL,                                   -- its name, sealed
    report BYTEA,                                          -- what the sender is told of it, sealed; empty until it is taken in
    PRIMARY KEY (mail_id, position)
);
CREATE INDEX received_part_sha256 ON received_part (sha256);

-- Acts of delivery_decision are from here on: retry, hold, release, refused, bounced (it came back), delayed.
ALTER TABLE letter ADD COLUMN thread BYTEA; -- Message-IDs of the mails before it, oldest first, sealed; empty where it answers none

CREATE TRIGGER received_mail_content BEFORE UPDATE OF id, mark, received_at, bytes, sender_hash, header ON received_mail
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_mail_undeleted BEFORE DELETE OR TRUNCATE ON received_mail FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_mail_bytes_unchanged BEFORE UPDATE ON received_mail_bytes FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_mail_bytes_undeleted BEFORE DELETE OR TRUNCATE ON received_mail_bytes FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_place_unchanged BEFORE UPDATE ON received_place FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_place_undeleted BEFORE DELETE OR TRUNCATE ON received_place FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_part_content BEFORE UPDATE OF mail_id, position, sha256, name ON received_part
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER received_part_undeleted BEFORE DELETE OR TRUNCATE ON received_part FOR EACH STATEMENT EXECUTE FUNCTION append_only();
