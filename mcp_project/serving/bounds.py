"""The deadlines, in seconds, and the sizes, in bytes, that bound what one client's connection costs a worker."""

BYTES_A_SECOND = (
    32 << 10
)  # the slowest client that is waited for: each BYTES_A_SECOND of a body or response adds a second

HEAD_SECONDS = 10.0  # from a request's first byte, or from connecting, to the end of its head
HEAD_BYTES = 64 << 10  # limit of a whole head; the parser limits each line and the number of headers
BODY_SECONDS = 10.0  # to read a body, plus a second for each BYTES_A_SECOND
WRITE_SECONDS = 10.0  # to write a response, plus a second for each BYTES_A_SECOND
DRAIN_SECONDS, DRAIN_BYTES = 5.0, 32 << 20  # to read on after the response, before the connection is closed
READ_BYTES = 64 << 10  # the most that one recv() reads
EARLY_BYTES = 64 << 10  # buffer for pipelined requests while one is answered
