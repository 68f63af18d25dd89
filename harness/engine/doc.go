// Package engine says WHO answers: which inference server stands at an endpoint, which
// models it has, how many tokens it would count for a text, and how to tell it to
// generate an exact number of tokens. Its requests are never part of a measurement.
//
// The recipe:
//
//  1. [Discover] looks at what the server answers and tells vLLM, llama.cpp, Ollama,
//     RockchipLlama, our own mock and others apart; it chooses the model.
//  2. [Engine.Load] brings the model into memory where the server can be told to.
//  3. [Engine.Counter] makes the counter for package scenario: the server's tokenize
//     endpoint, checked against what it bills for two real requests, or a calibration.
//  4. [Engine.Ask] makes the request for package client, with the output length pinned
//     where the engine can do that.
//  5. [Engine.Notes] are remarks that belong next to the results.
//
// How a server is recognised, in this order: GET /v1/models/loaded (RockchipLlama),
// owned_by in /v1/models (vLLM, llama.cpp), GET /api/version (Ollama), GET /props
// (llama.cpp); everything else that lists models is generic. RockchipLlama comes first
// because it speaks Ollama's API too. A server that says that it is simulated, by the
// header X-Mockserver or Server, keeps its dialect's kind but not its name.
package engine
