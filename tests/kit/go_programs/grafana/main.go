// Prints what Grafana's types do not take of the dashboard on the standard input.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var read dashboard.Dashboard
	if err := read.UnmarshalJSONStrict(data); err != nil {
		fmt.Println(err)
		return
	}
	if err := read.Validate(); err != nil {
		fmt.Println(err)
	}
}
