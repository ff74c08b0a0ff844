-- Two indexes less. Each cost every row of a season a write at a random place (together two fifths of the time of storing it), for questions
-- that a person asks now and then, and that read the whole register anyway (explain) or hold the ledger (void).
DROP INDEX assessment_version_certificate;
DROP INDEX assessment_version_person;
