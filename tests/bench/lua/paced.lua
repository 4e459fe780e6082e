-- Waits between a response and the next request: so many milliseconds in the mean as the argument
-- after `--` says. wrk waits whole ones, so it draws one of the two next to it.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

local whole, rest

function init(arguments)
  whole, rest = math.modf(tonumber(arguments[1]))
  math.randomseed(os.time())
end

function delay()
  return whole + (math.random() < rest and 1 or 0)
end
