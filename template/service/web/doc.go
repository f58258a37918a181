// Package web has what others may ask of the service over HTTP.
package web
