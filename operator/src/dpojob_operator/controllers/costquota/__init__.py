"""The controller of CostQuotas: what their namespaces have used, and whom they admit."""

from .costquota_controller import CostQuotaController

__all__ = ["CostQuotaController"]
