"""The contract of DPOJob: resources, inspection report, plan, progress. Pydantic and nothing else.

Every other room imports this one; it imports none of them.
"""
