#!/usr/bin/env perl
# What a CGI program is told of its request (RFC 3875, 4.1).
use strict;
use warnings;

print "Content-Type: text/plain\n\n";
print "$_=$ENV{$_}\n" for sort keys %ENV;
