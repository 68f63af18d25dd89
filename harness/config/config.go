package config

import "time"

// Config is one run as the user asked for it. The tags of its fields are the
// only description of the configuration there is: the key in the file (`key`),
// the flag and the environment variable (derived from the key), the default
// (`default`; without one the default is the zero value), the allowed values
// (`enum`, or `min` and `max`) and the sentence of the documentation (`help`).
//
// A Config is the caller's own: Default, Parse and FromArgs share nothing with
// the values that they return.
type Config struct {
	// Endpoint is the base URL of the server, with its path prefix
	// (http://host:8000/v1). {port} stands for a free port that is chosen when
	// a stage starts its own server. "" is the mock engine inside the process.
	Endpoint string `key:"endpoint" help:"base URL of the server, such as http://127.0.0.1:8000/v1; {port} is replaced by a free port where a stage starts its own server; without one, the mock engine inside the process answers"`
	// API is the wire dialect: completions, chat or ollama (native NDJSON).
	API string `key:"api" default:"completions" enum:"completions,chat,ollama" help:"wire dialect of the requests"`
	// Model is the name sent in requests. "" is the first that the server lists.
	Model string `key:"model" help:"model name sent with each request; without one, the first that the server lists"`
	// APIKeyEnv names the environment variable that holds the API key; the key
	// itself is never part of a Config. "" sends no key.
	APIKeyEnv string `key:"api_key_env" help:"NAME of the environment variable that holds the API key (never the key itself); without one, no key is sent"`
	// Engine overrides the detected kind of server. "" detects it.
	Engine string `key:"engine" enum:",vllm,llamacpp,ollama,rockchip,generic" help:"kind of the server, where it is not to be detected"`

	// Contexts lists the prompt lengths of the sweep in tokens. nil means that
	// the range below decides; see ContextList for the resolved list.
	Contexts []int `key:"contexts" min:"1" help:"prompt lengths of the sweep in tokens, as a list; instead of the four context_ and step_ keys"`
	// ContextStart is the first prompt length in tokens. 0 is 1024.
	ContextStart int `key:"context_start" min:"1" help:"first prompt length of the sweep in tokens; without one 1024"`
	// ContextEnd is the last prompt length in tokens, always part of the sweep.
	// 0 is 131072.
	ContextEnd int `key:"context_end" min:"1" help:"last prompt length of the sweep in tokens, always part of it; without one 131072"`
	// ContextStep is the number of tokens added (linear), or the factor
	// (geometric, at least 2). 0 is the factor 2; a linear sweep has to name it.
	ContextStep int `key:"context_step" min:"1" help:"tokens added from one prompt length to the next (linear), or the factor between them (geometric; without one 2)"`
	// StepMode is linear or geometric.
	StepMode string `key:"step_mode" default:"geometric" enum:"linear,geometric" help:"whether context_step is added or multiplied"`

	// Users lists the numbers of concurrent requests; each is a cell of its own.
	Users []int `key:"users" default:"1" min:"1" help:"numbers of concurrent requests, as a list; each is measured at each prompt length"`
	// Requests is the number of requests of one trial. 0 is as many as users.
	Requests int `key:"requests" min:"0" help:"requests of one trial; 0 is as many as users"`
	// SLO lists the objectives that goodput counts by and capacity is searched
	// for; package capacity reads it. "" is none.
	SLO string `key:"slo" help:"objectives, such as ttft=2s,tpot=50ms or ttft-p90=10s,decode=20tok/s,ok=99%; without any, there is no goodput and no capacity"`
	// Rates lists the request rates of an open loop, per second.
	Rates []float64 `key:"rates" default:"1,2,4,8" min:"0.000001" max:"1000000" help:"request rates of the open loop (BenchmarkRate) in requests per second, as a list"`
	// RateDuration is how long a trial of an open loop sends requests on
	// average: rate times this is their number.
	RateDuration time.Duration `key:"rate_duration" default:"10s" min:"1ms" help:"how long a trial of the open loop sends requests; its number of requests is rate times this"`

	// Trials is the number of trials of one cell, at least 1; an interval at
	// 95 % needs 6.
	Trials int `key:"trials" default:"6" min:"1" help:"trials of each cell; an interval at 95 % needs at least 6"`
	// Warmup is the number of requests sent to a cell before its first trial
	// and not counted. 0 sends none.
	Warmup int `key:"warmup" default:"1" min:"0" help:"requests to each cell before its first trial, not counted; 0 is none"`
	// MaxTokens is the output length asked for, in tokens.
	MaxTokens int `key:"max_tokens" default:"64" min:"1" help:"output length of each request in tokens"`
	// Temperature of sampling. nil leaves it to the server.
	Temperature *float64 `key:"temperature" default:"0" min:"0" help:"sampling temperature; null leaves it to the server"`
	// TopP is the nucleus of sampling in (0, 1]. nil leaves it to the server.
	TopP *float64 `key:"top_p" min:"0.000001" max:"1" help:"share of the probability mass sampled from; null leaves it to the server"`
	// Seed of prompts and sampling. 0 derives it from the run id.
	Seed uint64 `key:"seed" help:"seed of prompts and sampling; 0 derives it from the run id"`

	// Timeout is the limit of one request, from start to end of stream.
	Timeout time.Duration `key:"timeout" default:"10m" min:"1ms" help:"limit of one request, from its start to the end of its stream"`
	// StallTimeout is the longest silence within a stream. 0 is no limit.
	StallTimeout time.Duration `key:"stall_timeout" default:"1m" min:"0s" help:"longest silence within a stream before the request counts as stalled; 0s is no limit"`
	// OnFailure says what a failed prompt length does to the stage's sweep:
	// stop ends it after the trials of that cell, continue goes on.
	OnFailure string `key:"on_failure" default:"stop" enum:"stop,continue" help:"whether a failing prompt length ends the sweep of its stage"`
	// Salt says what the unique beginning of each prompt is made of: run gives
	// both stages byte-identical prompts, stage different ones (so that a cache
	// which outlives the switch cannot help), auto leaves the choice to the run.
	Salt string `key:"salt" default:"auto" enum:"auto,run,stage" help:"what makes prompts unique: run sends byte-identical prompts in both stages, stage does not, auto decides by what survives the switch"`
	// Prompts is the path of the user's own prompt file, relative to the
	// working directory. "" is the built-in texts.
	Prompts string `key:"prompts" help:"path of a prompt file of your own; without one, the built-in texts"`

	// Results is the directory that run directories are made in, relative to
	// the working directory.
	Results string `key:"results" default:"results" help:"directory in which each run gets a directory of its own"`
	// Bench is the regular expression that selects benchmarks, as for go test.
	Bench string `key:"bench" default:"Context" help:"regular expression that selects the benchmarks, as -bench of go test"`
	// KeepText stores the answers' text with each request.
	KeepText bool `key:"keep_text" help:"store the text of the answers with the requests"`
	// Calibrate measures the client's own error before each stage.
	Calibrate bool `key:"calibrate" default:"true" help:"measure the client's own error against a server of known timing before each stage"`
	// SampleInterval is the telemetry tick, at least 50ms.
	SampleInterval time.Duration `key:"sample_interval" default:"200ms" min:"50ms" help:"time between two telemetry samples"`

	// MockProfile is the machine that the in-process mock plays. It is used
	// only where there is no endpoint.
	MockProfile string `key:"mock_profile" default:"8b-on-16gb" help:"machine and model that the mock engine inside the process plays, when there is no endpoint"`
	// MockFaults is the list of faults of the in-process mock, name=argument:rate
	// joined by commas; the mock itself reads it. "" is none.
	MockFaults string `key:"mock_faults" help:"faults of the mock engine inside the process, such as status=503:5,cut=2:1; without any, none"`

	// Stages says how each of the two stages comes about.
	Stages Stages `key:"stages"`
}

// Stages are the two sides of the comparison, in the order of measurement.
type Stages struct {
	Baseline Stage `key:"baseline"`
	Aidaptiv Stage `key:"aidaptiv"`
}

// Stage says how one side of the comparison is switched on.
type Stage struct {
	// Toggle is manual (pause and ask a person), process (aibench starts,
	// watches and stops the server) or external (somebody else's business).
	Toggle string `key:"toggle" default:"manual" enum:"manual,process,external" help:"who switches the stage on: a person at a pause (manual), aibench by starting a server (process), or a script around it (external)"`
	// Instructions are what the pause tells the person to do; manual only.
	// "" is a general sentence.
	Instructions string `key:"instructions" help:"what the pause tells the person to do (manual)"`
	// Command is the server's argv, run without a shell; process only. {port}
	// and {run} are replaced, and a first element "aibench" is this program.
	Command []string `key:"command" help:"program and arguments of the server, as a list, run without a shell; {port} and {run} are replaced, and the program name aibench stands for this very program (process)"`
	// Dir is the server's working directory; process only. "" is the present one.
	Dir string `key:"dir" help:"working directory of the server; without one, the present one (process)"`
	// Env is added to the environment that the server inherits; process only.
	Env map[string]string `key:"env" help:"variables added to the environment that the server inherits; {port} and {run} are replaced (process)"`
	// Endpoint overrides Config.Endpoint for this stage. "" does not.
	Endpoint string `key:"endpoint" help:"base URL of the server in this stage, where it differs"`
	// Health is the path polled until it answers 200; process only.
	Health string `key:"health" default:"/health" help:"path on the server that is polled until it answers 200 (process)"`
	// ReadyTimeout is how long the server may take until then; process only.
	ReadyTimeout time.Duration `key:"ready_timeout" default:"5m" min:"1ms" help:"how long the server may take until its health path answers (process)"`
	// StopTimeout is how long the server may take to end by itself before it is
	// killed; process only.
	StopTimeout time.Duration `key:"stop_timeout" default:"10s" min:"1ms" help:"how long the server may take to end when asked, before it is killed (process)"`
}
