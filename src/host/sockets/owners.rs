//! Whose a socket is: by the files that processes hold, or by its user.
