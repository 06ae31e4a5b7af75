-- Which actions Argo CD offers for a DPOJob; none once it has ended.
local finished = false
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "Finished" and condition.status == "True" then
    finished = true
  end
end
local suspended = obj.spec.suspend == true
return {
  suspend = {["disabled"] = finished or suspended},
  resume = {["disabled"] = finished or not suspended},
}
