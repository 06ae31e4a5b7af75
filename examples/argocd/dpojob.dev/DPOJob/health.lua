-- The health of a DPOJob, from its conditions. A job in a queue is Progressing: it goes on by itself.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function is_true(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

if is_true("Failed") then
  return {status = "Degraded", message = conditions.Failed.message}
end
if is_true("Complete") then
  return {status = "Healthy", message = conditions.Complete.message}
end
if status.observedGeneration == nil or status.observedGeneration < (obj.metadata.generation or 0) then
  return {status = "Progressing", message = "Waiting for the operator."}
end
if is_true("Stalled") then
  return {status = "Degraded", message = conditions.Stalled.message}
end
if is_true("Suspended") and conditions.Suspended.reason == "SuspendedByUser" then
  return {status = "Suspended", message = conditions.Suspended.message}
end
local ready = conditions.Ready
if ready == nil then
  return {status = "Progressing", message = "Waiting for the operator."}
end
return {status = "Progressing", message = ready.reason .. ": " .. (ready.message or "")}
