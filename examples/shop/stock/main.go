// SPDX-License-Identifier: Apache-2.0

// Stock is the stock service of the shop: POST /reserve?item=I&quantity=Q&card=C. It asks payment for the money.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"spanring.example/go/spanring"
)

func main() {
	flags := flag.NewFlagSet("stock", flag.ContinueOnError)
	payment := flags.String("payment", "", "`URL` of the payment service, http://127.0.0.1:PORT")
	port := flags.Uint("port", 0, "`port` on 127.0.0.1; 0 lets the kernel choose")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2) // flag has said why
	}
	if err := checkArguments(flags, *payment, *port); err != nil {
		fmt.Fprintf(os.Stderr, "stock: %v\n", err)
		flags.Usage()
		os.Exit(2)
	}
	if err := run(*payment, *port); err != nil {
		fmt.Fprintf(os.Stderr, "stock: %v\n", err)
		os.Exit(1)
	}
}

func checkArguments(flags *flag.FlagSet, payment string, port uint) error {
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %s", flags.Arg(0))
	}
	if parsed, err := url.Parse(payment); err != nil || parsed.Scheme != "http" || parsed.Host == "" {
		return fmt.Errorf("-payment %q: not a URL like http://127.0.0.1:8080", payment)
	}
	if port > 65535 {
		return fmt.Errorf("-port %d: not a port", port)
	}
	return nil
}

func run(payment string, port uint) error {
	provider, err := spanring.Open(spanring.Options{ServiceName: "shop-stock"})
	if err != nil {
		return err
	}
	tracer, err := provider.Tracer("shop/stock", "1.0")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	stock := &stock{tracer: tracer, payment: &paymentClient{tracer: tracer, base: payment}, stopping: ctx.Done()}
	server := &http.Server{Handler: stock.handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Printf("listening on %s\n", listener.Addr())

	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	err = server.Shutdown(context.Background())
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	// No flush: a span that has ended is outside this process already.
	spans := provider.Statistics()
	fmt.Printf("spans started=%d ended=%d dropped=%d not_started=%d\n",
		spans.Started, spans.Ended, spans.Dropped(), spans.NotStarted)
	return err
}
