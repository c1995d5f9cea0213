// Package core is the request engine between a frontend (the client's side) and the modules that answer.
//
// It owns: the Request and its life, the phases and their runner, server and location selection, the output
// filters, error pages, subrequests and internal redirects, the variables and directives of nginx's
// ngx_http_core_module, and the Module seam through which everything else is added.
//
// It does not own: bytes on the wire (http1, frontend), connections to backends (upstream, pool), listeners and
// reload (server). It never blocks but through the loop (see package loop): handlers are plain blocking code in a fiber.
package core
