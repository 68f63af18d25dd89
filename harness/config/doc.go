// Package config holds the configuration of a run: one strict YAML file, with a
// flag and an environment variable for every key.
//
// A command makes one call:
//
//	fs := flag.NewFlagSet("run", flag.ContinueOnError)
//	stage := fs.String("stage", "all", "flags of the command's own come first")
//	c, err := config.FromArgs(fs, args, os.LookupEnv)
//	if errors.Is(err, config.ErrUsage) {
//		fmt.Fprintln(os.Stderr, config.Explain(err)) // exit code 2
//	}
//
// The way of a value:
//
//  1. The tags of Config's fields describe each key once (describe.go). The
//     default, the flag, the variable, the limits and the documentation
//     (Reference) all come from there. To add a key, add a field: that is all,
//     and the tests hold it to have a help text and a codec.
//  2. The file is read as YAML nodes and not into the struct, so that each error
//     has the line and column of its value (file.go, node.go). All errors of a
//     file are reported at once.
//  3. Variables, then flags are laid over it (args.go, text.go).
//  4. What holds between keys is checked last (check.go), and each finding is
//     shown where the value came from: file:line:column, "flag -users",
//     "environment AIBENCH_USERS".
//
// Strict means: nothing given is ignored in silence. An unknown key, a key
// without effect beside another, or a number where text is expected is an error.
//
// Commands wrap nothing in a shell. In a stage's command, {port} and {run} are
// replaced (Stage.Expand), and a first element "aibench" stands for the running
// program itself, wherever it is installed: the launcher puts its own executable
// there. Paths are relative to the working directory, not to the file.
//
// In a run directory, keep the YAML of Redacted: it is the configuration as run,
// every default written out, and two runs had the same configuration if the
// bytes are the same.
package config
