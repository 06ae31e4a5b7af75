-- The health of a GPUPool. One without nodes is healthy: jobs may be planned on it, and an autoscaler adds a node.
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" and (condition.observedGeneration or 0) >= (obj.metadata.generation or 0) then
    if condition.status == "True" then
      return {status = "Healthy", message = condition.message}
    end
    return {status = "Degraded", message = condition.message}
  end
end
return {status = "Progressing", message = "Waiting for the operator."}
