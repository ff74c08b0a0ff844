-- Mail out: letters, the mails that they are sent as, and for how long a delivery has been failing.

-- A delivery that leaves by mail. What it says is fixed when it is queued; its attachments are in delivery_file.
CREATE TABLE letter (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery (id), -- the delivery
    message_id TEXT NOT NULL UNIQUE,                          -- left part of the Message-ID, made from the key
    dated_at INTEGER NOT NULL,                                -- its Date (UTC, epoch ms)
    sealed BLOB NOT NULL                                      -- addresses, subject and bodies, sealed
);

-- The mails of a letter: one, or several where the attachments are too large for one. Fixed before the first is sent.
CREATE TABLE letter_mail (
    delivery_id INTEGER NOT NULL REFERENCES letter (delivery_id), -- the letter
    number INTEGER NOT NULL,                                      -- from 1
    sealed BLOB NOT NULL,                                         -- sender, Message-ID and which attachments, sealed
    accepted_at INTEGER,                                          -- when the server took it (UTC, epoch ms)
    domains TEXT,                                                 -- to which domains, with spaces between
    again INTEGER NOT NULL,                                       -- 1 if it may have arrived before: goes out marked 重发
    PRIMARY KEY (delivery_id, number)
);
CREATE INDEX letter_mail_accepted ON letter_mail (accepted_at);

-- What people decided about deliveries.
CREATE TABLE delivery_decision (
    id INTEGER PRIMARY KEY,                                -- 1, 2, 3 ...
    delivery_id INTEGER NOT NULL REFERENCES delivery (id), -- the delivery
    act TEXT NOT NULL,                                     -- retry, hold or release
    reason BLOB NOT NULL,                                  -- why, sealed
    by_whom BLOB NOT NULL,                                 -- who, sealed
    addresses BLOB,                                        -- other addresses for it from here on, sealed
    at INTEGER NOT NULL                                    -- when (UTC, epoch ms)
);

-- States of a delivery are from here on: due, sending, done, aside, withdrawn, held (a person stopped it).
ALTER TABLE delivery ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- failed attempts since the last success or retry
ALTER TABLE delivery ADD COLUMN failing_since INTEGER;               -- the first of them (UTC, epoch ms)
ALTER TABLE delivery ADD COLUMN alarm INTEGER NOT NULL DEFAULT 0;    -- 0 none, 1 failing for hours, 2 failing for days

CREATE TRIGGER letter_unchanged BEFORE UPDATE ON letter BEGIN SELECT RAISE(ABORT, 'letter is append only'); END;
CREATE TRIGGER letter_undeleted BEFORE DELETE ON letter BEGIN SELECT RAISE(ABORT, 'letter is append only'); END;
CREATE TRIGGER letter_mail_undeleted BEFORE DELETE ON letter_mail BEGIN SELECT RAISE(ABORT, 'letter_mail is append only'); END;
CREATE TRIGGER letter_mail_content BEFORE UPDATE OF delivery_id, number, sealed ON letter_mail
BEGIN SELECT RAISE(ABORT, 'the content of letter_mail is append only'); END;
CREATE TRIGGER delivery_decision_unchanged BEFORE UPDATE ON delivery_decision BEGIN SELECT RAISE(ABORT, 'delivery_decision is append only'); END;
CREATE TRIGGER delivery_decision_undeleted BEFORE DELETE ON delivery_decision BEGIN SELECT RAISE(ABORT, 'delivery_decision is append only'); END;
