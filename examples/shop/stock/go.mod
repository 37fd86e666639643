module shop/stock

go 1.21

require spanring.example/go/spanring v0.2.0

replace spanring.example/go/spanring => ../../../bindings/go
