"""What was called: the journal that each worker writes, the ledger it is moved into, and the reports."""
