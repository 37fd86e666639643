module spanring.example/go/spanring

go 1.21
