-- Decisions about mails that were set aside; what a waiver was given for.

-- What was decided about a mail that was set aside.
CREATE TABLE mail_decision (
    id INTEGER PRIMARY KEY,                                  -- order of deciding
    mail_id INTEGER NOT NULL REFERENCES received_mail (id),  -- the mail
    act TEXT NOT NULL,                                       -- let-in (it is taken in), settled (in another way) or refused
    unit TEXT,                                               -- let in as one of this unit
    reason BLOB NOT NULL,                                  -- why, sealed
    by_whom BLOB NOT NULL,                                 -- who, sealed
    at INTEGER NOT NULL                                      -- when (UTC, epoch ms)
);
CREATE INDEX mail_decision_of ON mail_decision (mail_id);

-- settled_why and settled_by of received_mail are empty from here on: mail_decision tells why and who.

ALTER TABLE waiver ADD COLUMN about BLOB; -- keyed hash of name, ID and certificate as they stood when it was given

CREATE TRIGGER mail_decision_unchanged BEFORE UPDATE ON mail_decision BEGIN SELECT RAISE(ABORT, 'mail_decision is append only'); END;
CREATE TRIGGER mail_decision_undeleted BEFORE DELETE ON mail_decision BEGIN SELECT RAISE(ABORT, 'mail_decision is append only'); END;
