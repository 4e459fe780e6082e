-- Asks for a path that has never been asked for before: the argument after `--`, and a number.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

local prefix, number

function init(arguments)
  prefix = arguments[1]
  number = 0
end

function request()
  number = number + 1
  return wrk.format("GET", prefix .. number)
end
