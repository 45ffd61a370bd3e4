-- Which books these are, so that what a proxy wrote down while they were away is booked in no others.
-- depends: 0007.partitions

CREATE TABLE solaris.books (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    books_id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO solaris.books DEFAULT VALUES;
