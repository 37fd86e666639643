module hello

go 1.21

require spanring v0.1.0

replace spanring => ../../../bindings/go
