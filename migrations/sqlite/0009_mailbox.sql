-- Mail in: mails that arrived, where they were seen, what they brought, what became of them.

-- Every mail that arrived, before anybody worked on it.
CREATE TABLE received_mail (
    id INTEGER PRIMARY KEY,                     -- 1, 2, 3 ... in order of receipt
    mark BLOB NOT NULL UNIQUE,                  -- keyed hash of Message-ID and parts: the same mail under another UID is one mail
    received_at INTEGER NOT NULL,               -- when it was first seen (UTC, epoch ms); never changes
    bytes INTEGER NOT NULL,                     -- its size, as the server says
    sender_hash BLOB NOT NULL,                  -- keyed hash of the sender's address
    header BLOB NOT NULL,                       -- sender, subject, Message-ID and what it answers, sealed
    unit TEXT,                                  -- name of the unit that sent it; empty = nobody's
    let_in INTEGER NOT NULL DEFAULT 0,          -- 1 if a person let it in that had been set aside
    fate TEXT,                                  -- what became of it: taken, rehearsed, unopened, stranger ...; empty while it waits
    ended_at INTEGER,                           -- when that was decided (UTC, epoch ms)
    answer_id INTEGER REFERENCES delivery (id), -- the letter that answers it
    about_id INTEGER REFERENCES delivery (id),  -- of a bounce: the delivery that came back
    settled_at INTEGER,                         -- when a person was done with one that was set aside (UTC, epoch ms)
    settled_why BLOB,                           -- what the person says of it, sealed
    settled_by BLOB                             -- who, sealed
);
CREATE INDEX received_mail_waiting ON received_mail (id) WHERE fate IS NULL;
CREATE INDEX received_mail_sender ON received_mail (sender_hash, ended_at);

-- Its bytes, apart so that lists stay small.
CREATE TABLE received_mail_bytes (
    mail_id INTEGER PRIMARY KEY REFERENCES received_mail (id), -- whose bytes
    sealed BLOB NOT NULL                                       -- the mail as it arrived, sealed
);

-- Where a mail was seen: a copy of it has a place of its own.
CREATE TABLE received_place (
    account BLOB NOT NULL,                                  -- keyed hash of server, user and folder
    validity INTEGER NOT NULL,                              -- UIDVALIDITY
    uid INTEGER NOT NULL,                                   -- UID
    mail_id INTEGER NOT NULL REFERENCES received_mail (id), -- the mail
    PRIMARY KEY (account, validity, uid)
);

-- The files of a mail; the original of a part is the one with its SHA-256.
CREATE TABLE received_part (
    mail_id INTEGER NOT NULL REFERENCES received_mail (id), -- the mail
    position INTEGER NOT NULL,                              -- order in it, from 0
    sha256 TEXT NOT NULL,                                   -- SHA-256 of its bytes, hex
    name BLOB NOT NULL,                                     -- its name, sealed
    report BLOB,                                            -- what the sender is told of it, sealed; empty until it is taken in
    PRIMARY KEY (mail_id, position)
);
CREATE INDEX received_part_sha256 ON received_part (sha256);

-- Acts of delivery_decision are from here on: retry, hold, release, refused, bounced (it came back), delayed.
ALTER TABLE letter ADD COLUMN thread BLOB; -- Message-IDs of the mails before it, oldest first, sealed; empty where it answers none

CREATE TRIGGER received_mail_content BEFORE UPDATE OF id, mark, received_at, bytes, sender_hash, header ON received_mail
BEGIN SELECT RAISE(ABORT, 'received_mail is append only'); END;
CREATE TRIGGER received_mail_undeleted BEFORE DELETE ON received_mail BEGIN SELECT RAISE(ABORT, 'received_mail is append only'); END;
CREATE TRIGGER received_mail_bytes_unchanged BEFORE UPDATE ON received_mail_bytes BEGIN SELECT RAISE(ABORT, 'received_mail_bytes is append only'); END;
CREATE TRIGGER received_mail_bytes_undeleted BEFORE DELETE ON received_mail_bytes BEGIN SELECT RAISE(ABORT, 'received_mail_bytes is append only'); END;
CREATE TRIGGER received_place_unchanged BEFORE UPDATE ON received_place BEGIN SELECT RAISE(ABORT, 'received_place is append only'); END;
CREATE TRIGGER received_place_undeleted BEFORE DELETE ON received_place BEGIN SELECT RAISE(ABORT, 'received_place is append only'); END;
CREATE TRIGGER received_part_content BEFORE UPDATE OF mail_id, position, sha256, name ON received_part
BEGIN SELECT RAISE(ABORT, 'received_part is append only'); END;
CREATE TRIGGER received_part_undeleted BEFORE DELETE ON received_part BEGIN SELECT RAISE(ABORT, 'received_part is append only'); END;
