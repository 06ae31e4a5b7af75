-- The health of a CostQuota. One that is used up is healthy: it does what it is there for.
local status, ready, exhausted = obj.status or {}, nil, nil
for _, condition in ipairs(status.conditions or {}) do
  if (condition.observedGeneration or 0) >= (obj.metadata.generation or 0) then
    if condition.type == "Ready" then
      ready = condition
    elseif condition.type == "Exhausted" then
      exhausted = condition
    end
  end
end
if ready ~= nil and ready.status == "True" then
  return {status = "Healthy", message = exhausted and exhausted.message or ""}
elseif ready ~= nil then
  return {status = "Degraded", message = ready.message}
end
return {status = "Progressing", message = "Waiting for the operator."}
