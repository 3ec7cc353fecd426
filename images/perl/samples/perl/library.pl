use strict;
use warnings;
use List::Util qw(product);
use JSON::PP;
use Math::BigInt;
use Time::Piece;

die unless Math::BigInt->new(2)->bpow(70) eq '1180591620717411303424';
print product(@{ decode_json('{"answer": [6, 7]}')->{answer} }), "\n";
