-- Numbers that were forgotten and are not to be asked for again: the SHA-256 of the salt and the number.
CREATE TABLE oublis (
    salt BLOB NOT NULL,
    sum  BLOB NOT NULL,
    PRIMARY KEY (salt, sum)
) WITHOUT ROWID;
