"""The API of DPOJob: resources, inspection report, plan and progress, as pydantic models.

All other packages import this one; it imports none of them, and of third-party libraries only pydantic.
"""
