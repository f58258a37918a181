//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package main

const fionread = 0x4004667f // _IOR('f', 127, int) of sys/filio.h
