"""Metering: the journal that each worker writes, the ledger into which it is drained, and the reports."""
