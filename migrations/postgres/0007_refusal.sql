-- Addresses that a mail server refuses: a letter is parted before it leaves.

-- Acts of delivery_decision are from here on: retry, hold, release, refused (the server refused some addresses; by_whom
-- is the server, reason its words). Its addresses are those of the letter and of its copies, as they are from then on.
-- They are looked up for each letter that is sent.
CREATE INDEX delivery_decision_of ON delivery_decision (delivery_id);
