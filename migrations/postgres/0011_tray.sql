-- Decisions about mails that were set aside; what a waiver was given for.

-- What was decided about a mail that was set aside.
CREATE TABLE mail_decision (
    id BIGINT PRIMARY KEY,                                  -- order of deciding
    mail_id BIGINT NOT NULL REFERENCES received_mail (id),  -- the mail
    act TEXT NOT NULL,                                       -- let-in (it is taken in), settled (in another way) or refused
    unit TEXT,                                               -- let in as one of this unit
    reason BYTEA NOT NULL,                                  -- why, sealed
    by_whom BYTEA NOT NULL,                                 -- who, sealed
    at BIGINT NOT NULL                                      -- when (UTC, epoch ms)
);
CREATE INDEX mail_decision_of ON mail_decision (mail_id);

-- settled_why and settled_by of received_mail are empty from here on: mail_decision tells why and who.

ALTER TABLE waiver ADD COLUMN about BYTEA; -- keyed hash of name, ID and certificate as they stood when it was given

CREATE TRIGGER mail_decision_unchanged BEFORE UPDATE ON mail_decision FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER mail_decision_undeleted BEFORE DELETE OR TRUNCATE ON mail_decision FOR EACH STATEMENT EXECUTE FUNCTION append_only();
