module spanring

go 1.21
